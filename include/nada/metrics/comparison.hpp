/// Comparisons of what was measured in groups: means of groups, paired differences, many at once, and how many groups a
/// difference needs to be seen.
#pragma once
#include <cstdint>
#include <vector>

#include "nada/metrics/estimate.hpp"

namespace nada {

/// Groups holds numbers that are alike within a group and independent between groups: those of the seeds of each target
/// of an ablation. No group is empty.
using Groups = std::vector<std::vector<double>>;

/// Returns the mean of the groups' means, with the t-interval of their spread: numbers of one group count as one. Of a
/// single group it is mean_estimate() of its numbers, which speaks of that group alone.
/// Facts:   numbers in pairs of equal ones have the interval of one of each pair.
/// Errors:  no group, or an empty one.
Estimate nested_mean(const Groups& groups);

/// Returns the nested mean of shares with as_share()'s interval; `counts` says for each number of how many it is a share.
/// The cases of one group are taken for the same ones in each of its numbers (an ablation measures the same latents and
/// pictures with each seed), so that a group counts them once.
/// Errors:  those of nested_mean() and as_share(); counts of other groups.
Estimate nested_share(const Groups& shares, const Groups& counts);

/// Returns a - b, number by number. Errors:  groups of other sizes.
Groups paired(const Groups& a, const Groups& b);

/// Returns the nested mean of a - b of shares in the same groups. Where each group has the same difference, such as where
/// all shares are 1, its spread says nothing, and the interval is Newcombe's of the two Wilson intervals, with the error
/// that this interval is worth:
///     [d - sqrt((p - l)^2 + (u' - p')^2), d + sqrt((u - p)^2 + (p' - l')^2)],   p' of b, d = p - p'
/// Source:  Newcombe, Statistics in Medicine 17 (1998), method 10.
Estimate difference_of_shares(const Groups& a, const Groups& counts_a, const Groups& b, const Groups& counts_b);

/// Returns the probability of a t at least as far from 0 as the estimate's, value / error, where the truth is 0. A value
/// of error 0 has 1 where it is 0, and 0 elsewhere; an estimate without interval or degrees of freedom has NaN.
double p_value(const Estimate& e);

/// Returns the p-values as Holm corrects them for being tested at once, in the same order: the probability that any true
/// hypothesis of all is rejected stays below a where those with a corrected p-value of at most a are. NaN is no test and
/// stays.
/// Source:  Holm, Scandinavian Journal of Statistics 6 (1979).
std::vector<double> holm(const std::vector<double>& p_values);

/// VarianceComponents are the two variances of numbers in groups: of the groups' true means, and of numbers around them.
struct VarianceComponents {
  double between = 0, within = 0;
  /// Returns the variance of a mean over `groups` groups of `each` numbers.
  double of_mean(std::int64_t groups, std::int64_t each) const {
    return (between + within / static_cast<double>(each)) / static_cast<double>(groups);
  }
};

/// Returns the variances by the analysis of variance for random groups, which may have different sizes; a negative
/// variance between groups counts as 0. Where no group has two numbers, `within` is 0 and `between` holds both.
/// Source:  Searle, Casella and McCulloch, Variance Components (1992), section 3.6.
/// Errors:  fewer than two groups.
VarianceComponents variance_components(const Groups& groups);

/// Returns the probability that a two-sided t-test at 1 - Estimate::confidence sees a mean of `difference` whose estimate
/// has the standard error `error`. In (0, 1].
double power_of(double difference, double error, double degrees);

/// Returns the fewest groups, at least 2 and at most `most`, of `each` numbers with which a mean of `difference` is seen
/// with probability `power`; 0 where `most` are not enough.
std::int64_t groups_needed(double difference, const VarianceComponents& variances, std::int64_t each,
                           double power = 0.8, std::int64_t most = 10000);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/metrics/comparison.ipp"
#endif
