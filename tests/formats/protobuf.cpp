#include "nada/formats/protobuf.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(formats_protobuf)

using namespace nada;
using namespace std::string_literals;

// The first three are examples of protobuf.dev/programming-guides/encoding; the others follow its rules by hand.
BOOST_AUTO_TEST_CASE(fields_have_the_bytes_that_the_encoding_gives_them) {
  BOOST_TEST((ProtobufWriter().whole(1, 150).bytes() == "\x08\x96\x01"s));
  BOOST_TEST((ProtobufWriter().part(2, "testing").bytes() == "\x12\x07testing"s));
  BOOST_TEST((ProtobufWriter().part(3, ProtobufWriter().whole(1, 150).bytes()).bytes() == "\x1a\x03\x08\x96\x01"s));
  BOOST_TEST((ProtobufWriter().whole(20, 1).bytes() == "\xa0\x01\x01"s));  // 20 << 3 = 160 = 0x20 + (1 << 7)
  BOOST_TEST((ProtobufWriter().number(2, 1.0F).bytes() == "\x15\x00\x00\x80\x3f"s));
  BOOST_TEST((ProtobufWriter().number(1, 1.0).bytes() == "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"s));
  BOOST_TEST((ProtobufWriter().part(1, "").bytes() == "\x0a\x00"s));
  BOOST_TEST((ProtobufWriter().part_of(7, 300).bytes() == "\x3a\xac\x02"s));  // 300 = 0x2c + (2 << 7)
}

BOOST_AUTO_TEST_CASE(a_negative_number_takes_ten_bytes) {
  const auto bytes = ProtobufWriter().whole(8, static_cast<std::uint64_t>(std::int64_t{-1})).bytes();
  BOOST_TEST((bytes == "\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s));
}

BOOST_AUTO_TEST_CASE(fields_are_read_as_they_were_written) {
  ProtobufWriter out;
  out.whole(1, 0).whole(2, std::numeric_limits<std::uint64_t>::max()).number(3, 0.5F).number(4, 0.25);
  out.part(500, "text");
  ProtobufReader in(out.bytes());
  BOOST_TEST((in.next() && in.field == 1 && in.value == 0));
  BOOST_TEST((in.next() && in.field == 2 && in.value == std::numeric_limits<std::uint64_t>::max()));
  BOOST_TEST((in.next() && in.field == 3 && in.part == "\x00\x00\x00\x3f"s));
  BOOST_TEST((in.next() && in.field == 4 && in.part == "\x00\x00\x00\x00\x00\x00\xd0\x3f"s));
  BOOST_TEST((in.next() && in.field == 500 && in.part == "text"));
  BOOST_TEST(!in.next());
}

BOOST_AUTO_TEST_CASE(reading_ends_where_the_bytes_are_no_message) {
  for (const auto& bytes : {"\x08"s, "\x08\x96"s, "\x12\x07testin"s, "\x15\x00\x00\x80"s, "\x0b"s, "\xff"s,
                            "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    ProtobufReader in(bytes);
    BOOST_TEST(!in.next());
  }
}

BOOST_AUTO_TEST_SUITE_END()
