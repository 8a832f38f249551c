// SPDX-License-Identifier: BSL-1.0
//
// How a name gets out of the compiled library. Knows no feature and no operating system: what the
// system offers is asked in lib/meson.build and stays in lib/.
#pragma once

/// GYRE_API marks what the shared library exports; everything else is compiled hidden.
///
/// GYRE_STATIC is defined by the build files of a static Gyre for its users: nothing is marked
/// then, so that a shared object that takes Gyre in does not export it again. GYRE_BUILDING is
/// defined only while the library itself is compiled.
#if defined(GYRE_STATIC)
#define GYRE_API
#elif defined(_WIN32) && defined(GYRE_BUILDING)
#define GYRE_API __declspec(dllexport)
#elif defined(_WIN32)
#define GYRE_API __declspec(dllimport)
#else
#define GYRE_API __attribute__((visibility("default")))
#endif

/// Marks the functions that are called once an operation: the call goes to the library straight
/// and not by way of the procedure linkage table, which saves instructions on every one.
#if defined(__GNUC__) && !defined(__clang__) && !defined(GYRE_STATIC) && !defined(_WIN32)
#define GYRE_DIRECT_CALL __attribute__((noplt))
#else
#define GYRE_DIRECT_CALL
#endif
