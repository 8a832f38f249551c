// SPDX-License-Identifier: BSL-1.0
//
// What a Catch2 event listener needs, under one name for both generations. For the support sources
// only: with Catch2 2.13 it pulls in the reporters' interfaces, which are slow to compile.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include "support/catch.hpp"

#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

namespace gyre::testing {
using listener_base = Catch::EventListenerBase;
}  // namespace gyre::testing
#else
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include "support/catch.hpp"

namespace gyre::testing {
using listener_base = Catch::TestEventListenerBase;
}  // namespace gyre::testing
#endif
