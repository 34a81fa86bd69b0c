/// Makes terms from options.
#pragma once
#include <string>

#include "nada/core/tensor.hpp"
#include "nada/losses/any_term.hpp"

namespace nada {

/// Returns the names of all terms with their options, for the help text of --term.
std::string term_names_and_options();

/// Reads a term from "NAME=WEIGHT[,option=value...]": "within=0.5", "patches=0.5,size=32,count=1",
/// "texture=0.01,pictures=FILE,encoder=0". Every term that binds to encoders takes `encoder`, the index of the encoder
/// that the term is bound to. Pictures are put on `device`.
/// Errors:  another form; an unknown name or option, with a list of the known ones; files that cannot be read.
TermList::Entry read_term(const std::string& text, torch::Device device);

}  // namespace nada

#ifndef NADA_COMPILED
#include "nada/experiment/term_menu.ipp"
#endif
