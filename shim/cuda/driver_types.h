// The part of the CUDA driver API that is used here, declared from its public documentation (CUDA Driver API
// reference, 12.0 to 13.1), so that building needs no CUDA toolkit.
//
// Names follow NVIDIA's; values and layouts are the ABI of libcuda.so.1, where a function whose signature
// changed has a new name (_v2), so one declaration is right for every driver that exports the name.
// runtime/cuda/driver_test.cc holds the layouts.
#ifndef SHIM_CUDA_DRIVER_TYPES_H_
#define SHIM_CUDA_DRIVER_TYPES_H_

#include <stddef.h>
#include <stdint.h>

namespace aoti_cuda {

using CUresult = int32_t;
using CUdevice = int32_t;
using CUdeviceptr = uint64_t;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphNode = struct CUgraphNode_st *;
using CUgraphExec = struct CUgraphExec_st *;

// Results that are told apart here.
enum : CUresult {
  kSuccess = 0,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kDeinitialized = 4,
  kStubLibrary = 34,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kNoBinaryForGpu = 209,
  kEccUncorrectable = 214,
  kInvalidPtx = 218,
  kUnsupportedPtxVersion = 222,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kLaunchTimeout = 702,
  kContextIsDestroyed = 709,
  kAssert = 710,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kCooperativeLaunchTooLarge = 720,
  kStreamCaptureUnsupported = 900,
  kStreamCaptureImplicit = 906,
  kUnknown = 999
};

enum CUdevice_attribute : int32_t {
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
  kMaxSharedMemoryPerBlockOptin = 97
};

enum CUfunction_attribute : int32_t {
  kSharedSizeBytes = 1,
  kMaxDynamicSharedSizeBytes = 8,
  kNonPortableClusterSizeAllowed = 14
};

enum CUjit_option : int32_t { kErrorLogBuffer = 5, kErrorLogBufferSizeBytes = 6 };

enum : uint32_t { kEventDisableTiming = 2 };

enum CUstreamCaptureStatus : int32_t { kCaptureNone = 0, kCaptureActive = 1, kCaptureInvalidated = 2 };

enum CUstreamCaptureMode : int32_t {
  kCaptureModeGlobal = 0,
  kCaptureModeThreadLocal = 1,
  kCaptureModeRelaxed = 2
};

enum CUlaunchAttributeID : uint32_t {
  kAttributeCooperative = 2,
  kAttributeClusterDimension = 4,
  kAttributeProgrammaticStreamSerialization = 6
};

union CUlaunchAttributeValue {
  char pad[64];
  void *alignment;
  int32_t cooperative;
  struct {
    uint32_t x, y, z;
  } cluster_dim;
  int32_t programmatic_stream_serialization_allowed;
};

struct CUlaunchAttribute {
  CUlaunchAttributeID id;
  char pad[4];
  CUlaunchAttributeValue value;
};

struct CUlaunchConfig {
  uint32_t grid_x, grid_y, grid_z;
  uint32_t block_x, block_y, block_z;
  uint32_t shared_bytes;
  CUstream stream;
  CUlaunchAttribute *attributes;
  uint32_t num_attributes;
};

struct CUDA_KERNEL_NODE_PARAMS {  // _v2
  CUfunction function;
  uint32_t grid_x, grid_y, grid_z;
  uint32_t block_x, block_y, block_z;
  uint32_t shared_bytes;
  void **params;
  void **extra;
  void *kernel;  // a CUkernel, used when function is null
  CUcontext context;
};

struct CUDA_MEMSET_NODE_PARAMS {
  CUdeviceptr destination;
  size_t pitch;
  uint32_t value;
  uint32_t element_bytes;
  size_t width;
  size_t height;
};

enum CUmemorytype : int32_t { kMemoryHost = 1, kMemoryDevice = 2 };

struct CUDA_MEMCPY3D {  // _v2
  size_t source_x_bytes, source_y, source_z, source_lod;
  CUmemorytype source_type;
  const void *source_host;
  CUdeviceptr source_device;
  void *source_array;
  void *reserved0;
  size_t source_pitch, source_height;
  size_t destination_x_bytes, destination_y, destination_z, destination_lod;
  CUmemorytype destination_type;
  void *destination_host;
  CUdeviceptr destination_device;
  void *destination_array;
  void *reserved1;
  size_t destination_pitch, destination_height;
  size_t width_bytes, height, depth;
};

struct CUgraphEdgeData {
  uint8_t from_port;  // kPortProgrammatic: as soon as the upstream kernel's blocks have allowed it
  uint8_t to_port;
  uint8_t type;  // kDependencyProgrammatic
  uint8_t reserved[5];
};

enum : uint8_t { kPortProgrammatic = 1, kDependencyProgrammatic = 1 };

}  // namespace aoti_cuda

#endif  // SHIM_CUDA_DRIVER_TYPES_H_
