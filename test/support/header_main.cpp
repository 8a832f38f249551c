// SPDX-License-Identifier: BSL-1.0
//
// The test is that the headers' translation units compile and link together.
int main() { return 0; }
