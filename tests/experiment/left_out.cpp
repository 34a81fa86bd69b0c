#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "nada/experiment/left_out.hpp"
#include "nada/metrics/measure.hpp"

BOOST_AUTO_TEST_SUITE(experiment_left_out)

using namespace nada;

BOOST_AUTO_TEST_CASE(a_whole_table_is_worth_no_sentence) {
  BOOST_TEST(left_out({"a", "b"}, {{"x", {Needs::nothing, Needs::nothing}}}) == "");
  BOOST_TEST(left_out({}, {{"x", {}}}) == "");
}

BOOST_AUTO_TEST_CASE(metrics_that_lack_the_same_are_named_together_with_the_option_that_brings_it) {
  BOOST_TEST(
      left_out({"FID", "KID", "text_score", "LPIPS"},
               {{"x", {Needs::real_pool, Needs::real | Needs::real_pool, Needs::nothing, Needs::source_images}}}) ==
      "left out: FID and KID for want of real pictures (--real); LPIPS for want of a source generator (--base)");
  BOOST_TEST(left_out({"a"}, {{"x", {Needs::truths | Needs::target | Needs::adapted_logits}}}) ==
             "left out: a for want of a target text (--target), truths (--twins) and an Inception network with its "
             "classifier (--inception)");
}

BOOST_AUTO_TEST_CASE(rows_are_named_where_others_have_the_number) {
  const Needs none = Needs::nothing, source = Needs::source;
  BOOST_TEST(left_out({"a", "b", "c"}, {{"x.pt", {source, source, source}},
                                        {"y.pt", {none, source, none}},
                                        {"z.pt", {source, source, none}}}) ==
             "left out: a in the rows x.pt and z.pt for want of a source generator (--base); b for want of a source "
             "generator (--base); c in the row x.pt for want of a source generator (--base)");
  BOOST_TEST(left_out({"a"}, {{"x.pt", {source}}, {"y.pt", {none}}}) ==
             "left out: a in the row x.pt for want of a source generator (--base)");
  BOOST_TEST(left_out({"a"}, {{"x.pt", {source}}, {"y.pt", {Needs::real}}, {"z.pt", {none}}}) ==
             "left out: a in the row x.pt for want of a source generator (--base); a in the row y.pt for want of real "
             "pictures (--real)");
}

BOOST_AUTO_TEST_CASE(every_need_of_every_metric_has_an_option) {
  const auto metrics = metric_list();
  for (std::size_t m = 0; m < metrics.names.size(); ++m)
    for (unsigned bit = 1; bit <= static_cast<unsigned>(Needs::real_pool); bit *= 2)
      if (has(metrics.needs_of[m], Needs(bit)))
        BOOST_TEST((option_for(Needs(bit)).find("(--") != std::string_view::npos), metrics.names[m]);
}

BOOST_AUTO_TEST_SUITE_END()
