// SPDX-License-Identifier: BSL-1.0
// What a resolver found.
#pragma once

#include <gyre/detail/resolved_list.hpp>

#include <cstddef>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace gyre::inline v0::ip {

/// One endpoint that a resolver found. A value; copies share memory.
template <class Protocol>
class basic_resolver_entry {
public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;

    /// The endpoint by default, without names.
    basic_resolver_entry() noexcept = default;
    /// Throws std::bad_alloc.
    basic_resolver_entry(const endpoint_type& endpoint, std::string_view host,
                         std::string_view service)
        : list_(host, service) {
        list_.add(endpoint.data(), endpoint.size());
    }

    endpoint_type endpoint() const noexcept {
        endpoint_type found;
        if (list_ != detail::resolved_list()) {
            found.resize(list_.copy_address(index_, found.data()));
        }
        return found;
    }
    operator endpoint_type() const noexcept { return endpoint(); }  // NOLINT: as in Asio

    /// The name that was asked for; its canonical form if that was asked for and the system knows
    /// it; of an endpoint, the name that was found.
    std::string host_name() const { return list_.host(); }
    std::string service_name() const { return list_.service(); }

private:
    template <class>
    friend class basic_resolver_results;

    basic_resolver_entry(const detail::resolved_list& list, std::size_t index) noexcept
        : list_(list), index_(index) {}

    detail::resolved_list list_;
    std::size_t index_ = 0;
};

/// The endpoints that a resolver found, in the order in which the system recommends to try them. A
/// forward range of basic_resolver_entry, which converts to an endpoint.
///
/// A value: copies share memory, and entries and iterators keep what they refer to alive. As
/// results never change, any threads may use them.
template <class Protocol>
class basic_resolver_results {
public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using value_type = basic_resolver_entry<Protocol>;
    /// Entries are made when they are looked at.
    using const_reference = value_type;
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    using size_type = std::size_t;

    class const_iterator {
    public:
        using iterator_concept = std::forward_iterator_tag;
        using iterator_category = std::input_iterator_tag;
        using value_type = basic_resolver_entry<Protocol>;
        using difference_type = std::ptrdiff_t;
        using reference = value_type;
        /// Holds the entry as long as an expression looks into it.
        class pointer {
        public:
            explicit pointer(value_type&& entry) noexcept : entry_(std::move(entry)) {}
            const value_type* operator->() const noexcept { return &entry_; }

        private:
            value_type entry_;
        };

        const_iterator() noexcept = default;

        value_type operator*() const noexcept { return {list_, index_}; }
        pointer operator->() const noexcept { return pointer(**this); }
        const_iterator& operator++() noexcept {
            ++index_;
            return *this;
        }
        const_iterator operator++(int) noexcept {
            const_iterator before = *this;
            ++index_;
            return before;
        }
        friend bool operator==(const const_iterator&, const const_iterator&) noexcept = default;

    private:
        friend class basic_resolver_results;
        const_iterator(const detail::resolved_list& list, std::size_t index) noexcept
            : list_(list), index_(index) {}

        detail::resolved_list list_;
        std::size_t index_ = 0;
    };
    using iterator = const_iterator;

    /// No endpoints.
    basic_resolver_results() noexcept = default;
    explicit basic_resolver_results(detail::resolved_list&& list) noexcept
        : list_(std::move(list)) {}

    /// Results as a resolver would make them. Throw std::bad_alloc.
    static basic_resolver_results create(const endpoint_type& endpoint, std::string_view host,
                                         std::string_view service) {
        return create(&endpoint, &endpoint + 1, host, service);
    }
    template <class Iterator>
    static basic_resolver_results create(Iterator begin, Iterator end, std::string_view host,
                                         std::string_view service) {
        detail::resolved_list list(host, service);
        for (; begin != end; ++begin) {
            const endpoint_type& endpoint = *begin;
            list.add(endpoint.data(), endpoint.size());
        }
        return basic_resolver_results(std::move(list));
    }

    size_type size() const noexcept { return list_.size(); }
    size_type max_size() const noexcept { return (std::numeric_limits<size_type>::max)(); }
    bool empty() const noexcept { return size() == 0; }
    const_iterator begin() const noexcept { return {list_, 0}; }
    const_iterator end() const noexcept { return {list_, size()}; }
    const_iterator cbegin() const noexcept { return begin(); }
    const_iterator cend() const noexcept { return end(); }

    void swap(basic_resolver_results& other) noexcept { std::swap(list_, other.list_); }

    /// Whether both are of one lookup, or neither is of any.
    friend bool operator==(const basic_resolver_results&,
                           const basic_resolver_results&) noexcept = default;

private:
    detail::resolved_list list_;
};

}  // namespace gyre::inline v0::ip
