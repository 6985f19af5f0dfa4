/* How much memory and stack a regular expression may ask for, told before regcomp does it. Private to the filter. */
#ifndef IOTOPX_MODEL_FILTER_PATTERN_H
#define IOTOPX_MODEL_FILTER_PATTERN_H

/* NULL if it may be compiled, else what is wrong with it. What is no regular expression at all is regcomp's to say. */
const char *filter_pattern_refusal(const char *pattern);

#endif
