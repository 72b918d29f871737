// Numbers of dtypes, layouts and memory formats. Layout and memory-format values: c10::Layout and
// c10::MemoryFormat of PyTorch 2.13.
#include "aoti/dtypes.h"

extern "C" {

#define AOTI_DTYPE_FUNCTION(capitals, number, bytes, name) \
  int32_t aoti_torch_dtype_##name(void) { return number; }
AOTI_FOR_EACH_DTYPE(AOTI_DTYPE_FUNCTION)

size_t aoti_torch_dtype_element_size(int32_t dtype) {
  switch (dtype) {
#define AOTI_DTYPE_SIZE(capitals, number, bytes, name) \
  case number:                                         \
    return bytes;
    AOTI_FOR_EACH_DTYPE(AOTI_DTYPE_SIZE)
    default:
      return 0;
  }
}

int32_t aoti_torch_layout_strided(void) { return 0; }
int32_t aoti_torch_layout_sparse_coo(void) { return 1; }
int32_t aoti_torch_layout_sparse_csr(void) { return 2; }
int32_t aoti_torch_layout__mkldnn(void) { return 3; }
int32_t aoti_torch_layout_sparse_csc(void) { return 4; }
int32_t aoti_torch_layout_sparse_bsr(void) { return 5; }
int32_t aoti_torch_layout_sparse_bsc(void) { return 6; }
int32_t aoti_torch_layout_jagged(void) { return 7; }

int32_t aoti_torch_memory_format_contiguous_format(void) { return 0; }
int32_t aoti_torch_memory_format_preserve_format(void) { return 1; }
int32_t aoti_torch_memory_format_channels_last(void) { return 2; }
int32_t aoti_torch_memory_format_channels_last_3d(void) { return 3; }

}  // extern "C"
