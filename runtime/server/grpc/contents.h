// InferTensorContents from and to a tensor's bytes: the typed form of tensors.
//
//   datatype                field              elements
//   BOOL                    bool_contents      bool
//   INT8, INT16, INT32      int_contents       int32, in the datatype's range
//   INT64                   int64_contents     int64
//   UINT8, UINT16, UINT32   uint_contents      uint32, in the datatype's range
//   UINT64                  uint64_contents    uint64
//   FP32, FP64              fp32_, fp64_contents
//   FP16, BF16              none
#ifndef RUNTIME_SERVER_GRPC_CONTENTS_H_
#define RUNTIME_SERVER_GRPC_CONTENTS_H_

#include <string>

#include "runtime/server/grpc/wire_message.h"
#include "runtime/server/service.h"

namespace aoti::server::grpc {

bool has_typed_form(Datatype datatype);

// The elements of `contents` as `datatype` keeps them. The status names neither tensor nor datatype: its
// message goes on after "input 'x' is INT8: ". Without elements: no bytes.
Status read_contents(const Reader &contents, Datatype datatype, std::string *bytes);

// Fills `contents` (Wire::kContents) with a tensor's elements; has_typed_form(datatype).
void write_contents(const Buffer &bytes, Datatype datatype, Writer *contents);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_CONTENTS_H_
