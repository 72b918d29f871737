// Operators that only the lean stand-in for libtorch_cpu.so has (//shim:torch_compat), under the names of
// PyTorch's generated CPU shim (aoti_torch/generated/c_shim_cpu.h of 2.13): for libraries that stock
// AOTInductor made. Semantics are those of the ATen operator of the name.
//
// Handles passed in are borrowed and not null, except those behind a pointer (optional: null when absent);
// ret* become the caller's. Errors name the operator. Thread-safe for different outputs.
#ifndef AOTI_COMPAT_OPS_H_
#define AOTI_COMPAT_OPS_H_

#include "aoti/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// `dtype` may be null: that of self, int64 for integers.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_cumsum(AtenTensorHandle self, int64_t dim, int32_t *dtype,
                                                   AtenTensorHandle *ret0);
// Always stable. NaN counts as the largest.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_sort_stable(AtenTensorHandle self, int32_t *stable, int64_t dim,
                                                        int32_t descending, AtenTensorHandle *ret0,
                                                        AtenTensorHandle *ret1);
// Always sorted; of equal values the first ones.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_topk(AtenTensorHandle self, int64_t k, int64_t dim,
                                                 int32_t largest, int32_t sorted, AtenTensorHandle *ret0,
                                                 AtenTensorHandle *ret1);
// The mask has self's sizes.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_masked_select(AtenTensorHandle self, AtenTensorHandle mask,
                                                          AtenTensorHandle *ret0);
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_nonzero(AtenTensorHandle self, AtenTensorHandle *ret0);
// One sorted row for all, or one for each row of self. Without a sorter.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_searchsorted_Tensor(AtenTensorHandle sorted_sequence,
                                                                AtenTensorHandle self, int32_t out_int32,
                                                                int32_t right, const char **side,
                                                                AtenTensorHandle *sorter,
                                                                AtenTensorHandle *ret0);
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_scatter_reduce_two_out(AtenTensorHandle out,
                                                                   AtenTensorHandle self, int64_t dim,
                                                                   AtenTensorHandle index,
                                                                   AtenTensorHandle src, const char *reduce,
                                                                   int32_t include_self);
// mode 0 sum, 1 mean, 2 max. Only ret0 (the bags) has values; ret1 to ret3 are empty.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu__embedding_bag(
    AtenTensorHandle weight, AtenTensorHandle indices, AtenTensorHandle offsets, int32_t scale_grad_by_freq,
    int64_t mode, int32_t sparse, AtenTensorHandle *per_sample_weights, int32_t include_last_offset,
    int64_t padding_idx, AtenTensorHandle *ret0, AtenTensorHandle *ret1, AtenTensorHandle *ret2,
    AtenTensorHandle *ret3);
// One to three spatial dimensions; not transposed.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_convolution(
    AtenTensorHandle input, AtenTensorHandle weight, AtenTensorHandle *bias, const int64_t *stride,
    int64_t stride_len_, const int64_t *padding, int64_t padding_len_, const int64_t *dilation,
    int64_t dilation_len_, int32_t transposed, const int64_t *output_padding, int64_t output_padding_len_,
    int64_t groups, AtenTensorHandle *ret0);
// query [B, H, T, E], key and value [B, H, S, E]; the mask broadcasts to [B, H, T, S]. ret1 is the logarithm
// of the sums, [B, T, H].
AOTI_SHIM_API AOTITorchError aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu(
    AtenTensorHandle query, AtenTensorHandle key, AtenTensorHandle value, double dropout_p, int32_t is_causal,
    AtenTensorHandle *attn_mask, double *scale, AtenTensorHandle *ret0, AtenTensorHandle *ret1);

// One layer of an LSTM (mode 2) in one direction; input [T, N, I], weight0 [4H, I], weight1 [4H, H], weight2
// and weight3 [4H] (read where has_biases), states [N, H] or [1, N, H]. ret0 [T, N, H]; ret1 and ret2 are the
// last states, of the sizes of the first; ret3 is empty. Not for training, nor for packed sequences
// (batch_sizes).
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_mkldnn_rnn_layer(
    AtenTensorHandle input, AtenTensorHandle weight0, AtenTensorHandle weight1, AtenTensorHandle weight2,
    AtenTensorHandle weight3, AtenTensorHandle hx_, AtenTensorHandle cx_, int32_t reverse,
    const int64_t *batch_sizes, int64_t batch_sizes_len_, int64_t mode, int64_t hidden_size,
    int64_t num_layers, int32_t has_biases, int32_t bidirectional, int32_t batch_first, int32_t train,
    AtenTensorHandle *ret0, AtenTensorHandle *ret1, AtenTensorHandle *ret2, AtenTensorHandle *ret3);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_COMPAT_OPS_H_
