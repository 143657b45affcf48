#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "the C++ headers of larder need C++20 (-std=c++20); larder.h is for C and any C++"
#endif
