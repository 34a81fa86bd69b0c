/// Terms from options.
#pragma once
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/losses/any_term.hpp"

namespace nada {

/// What --term takes, for help texts: the names of all terms with their options.
std::string term_names_and_options();

/// A term of "NAME=WEIGHT[,option=value...]": "within=0.5", "patches=0.5,size=32,count=1",
/// "texture=0.01,pictures=FILE,encoder=0". Every term that binds to encoders takes `encoder`, the index of the one that
/// it is bound to. Pictures are put on `device`.
/// Errors:  another form, a name or option that there is not, naming those there are; files that cannot be read.
TermList::Entry read_term(const std::string& text, torch::Device device);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/term_menu.ipp"
#endif
