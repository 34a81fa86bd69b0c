/// Addresses and errors of Boost.Asio and Boost.Beast in this server's words.
#pragma once
#include <string>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>

namespace nada::serve {

inline std::string text_of(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

/// What a head that cannot be read is answered with.
inline std::pair<int, const char*> meaning_of(const boost::system::error_code& error) {
  if (error == boost::beast::http::error::header_limit || error == boost::beast::http::error::buffer_overflow)
    return {431, "the head of the request is too large"};
  if (error == boost::beast::http::error::bad_version) return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  if (error == boost::beast::error::timeout) return {408, "the request took too long to arrive"};
  return {400, "this is not a request that can be understood"};
}

}  // namespace nada::serve
