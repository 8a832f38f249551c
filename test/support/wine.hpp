// SPDX-License-Identifier: BSL-1.0
// Whether this is Windows, or Wine, of whose deviations no test can be asked to know better.
#pragma once

#if defined(_WIN32)
#include <winsock2.h>  // before windows.h

#include <windows.h>
#endif

namespace gyre::testing {

#if defined(_WIN32)
inline bool on_wine() {
    return ::GetProcAddress(::GetModuleHandleA("ntdll.dll"), "wine_get_version") != nullptr;
}
inline constexpr bool on_windows = true;
#else
inline bool on_wine() { return false; }
inline constexpr bool on_windows = false;
#endif

}  // namespace gyre::testing
