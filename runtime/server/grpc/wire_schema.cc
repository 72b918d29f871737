#include "runtime/server/grpc/wire_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include <initializer_list>

#include "upb/mini_descriptor/decode.h"
#include "upb/mini_descriptor/internal/encode.h"
#include "upb/mini_descriptor/internal/modifiers.h"
#include "upb/mini_descriptor/link.h"

namespace aoti::server::grpc {
namespace {

constexpr size_t kNumMessages = static_cast<size_t>(Wire::kNumMessages);

enum Form { kSingle, kRepeated, kChoice };  // kChoice: of the message's oneof

struct Field {
  uint32_t number;
  upb_FieldType type;
  Form form = kSingle;
  Wire sub = Wire::kNumMessages;  // of kUpb_FieldType_Message
};

using Fields = std::initializer_list<Field>;

constexpr upb_FieldType kBool = kUpb_FieldType_Bool, kString = kUpb_FieldType_String,
                        kBytes = kUpb_FieldType_Bytes, kMessage = kUpb_FieldType_Message,
                        kInt32 = kUpb_FieldType_Int32, kInt64 = kUpb_FieldType_Int64,
                        kUint32 = kUpb_FieldType_UInt32, kUint64 = kUpb_FieldType_UInt64,
                        kFloat = kUpb_FieldType_Float, kDouble = kUpb_FieldType_Double;

struct Row {
  Wire message;
  Fields fields;  // by rising number
};

struct Tables {
  upb_Arena *arena = upb_Arena_New();  // lives as long as the process
  upb_MiniTable *table[kNumMessages] = {};
};

[[noreturn]] void fail(const char *what) {
  fprintf(stderr, "aoti_server: cannot build the tables of gRPC's messages: %s\n", what);
  abort();
}

uint64_t modifiers(const Field &field) {
  uint64_t all = 0;
  if (field.form == kRepeated) all |= kUpb_FieldModifier_IsRepeated;
  if (field.form == kRepeated && upb_FieldType_IsPackable(field.type)) all |= kUpb_FieldModifier_IsPacked;
  if (field.form == kSingle && field.type != kMessage) all |= kUpb_FieldModifier_IsProto3Singular;
  if (field.type == kString) all |= kUpb_FieldModifier_ValidateUtf8;
  return all;
}

void build(Tables *tables, const Row &row) {
  char buffer[512];  // a field takes a few bytes, kUpb_MtDataEncoder_MinSize at most
  upb_MtDataEncoder encoder;
  encoder.end = buffer + sizeof buffer;
  char *end = upb_MtDataEncoder_StartMessage(
      &encoder, buffer, kUpb_MessageModifier_ValidateUtf8 | kUpb_MessageModifier_DefaultIsPacked);
  for (const Field &field : row.fields) {
    if (end) end = upb_MtDataEncoder_PutField(&encoder, end, field.type, field.number, modifiers(field));
  }
  bool in_choice = false;
  for (const Field &field : row.fields) {
    if (field.form != kChoice) continue;
    if (end && !in_choice) end = upb_MtDataEncoder_StartOneof(&encoder, end);
    if (end) end = upb_MtDataEncoder_PutOneofField(&encoder, end, field.number);
    in_choice = true;
  }
  if (!end) fail("a message does not fit");
  upb_Status status;
  upb_Status_Clear(&status);
  upb_MiniTable *table =
      upb_MiniTable_Build(buffer, static_cast<size_t>(end - buffer), tables->arena, &status);
  if (!table) fail(upb_Status_ErrorMessage(&status));
  tables->table[static_cast<size_t>(row.message)] = table;
}

void link(const Tables &tables, const Row &row) {
  upb_MiniTable *table = tables.table[static_cast<size_t>(row.message)];
  for (const Field &field : row.fields) {
    if (field.type != kMessage) continue;
    auto *found = const_cast<upb_MiniTableField *>(upb_MiniTable_FindFieldByNumber(table, field.number));
    if (!found || !upb_MiniTable_SetSubMessage(table, found, tables.table[static_cast<size_t>(field.sub)])) {
      fail("a field does not take its message");
    }
  }
}

Tables build_all() {
  const Row rows[] = {
      {Wire::kEmpty, {}},
      {Wire::kFlag, {{1, kBool}}},
      {Wire::kModelName, {{1, kString}, {2, kString}}},
      {Wire::kServerMetadata, {{1, kString}, {2, kString}, {3, kString, kRepeated}}},
      {Wire::kModelMetadata,
       {{1, kString},
        {2, kString, kRepeated},
        {3, kString},
        {4, kMessage, kRepeated, Wire::kTensorMetadata},
        {5, kMessage, kRepeated, Wire::kTensorMetadata}}},
      {Wire::kTensorMetadata, {{1, kString}, {2, kString}, {3, kInt64, kRepeated}}},
      {Wire::kInferRequest,
       {{1, kString},
        {2, kString},
        {3, kString},
        {4, kMessage, kRepeated, Wire::kParameterEntry},
        {5, kMessage, kRepeated, Wire::kTensor},
        {6, kMessage, kRepeated, Wire::kRequestedOutput},
        {7, kBytes, kRepeated}}},
      {Wire::kRequestedOutput, {{1, kString}, {2, kMessage, kRepeated, Wire::kParameterEntry}}},
      {Wire::kInferResponse,
       {{1, kString},
        {2, kString},
        {3, kString},
        {4, kMessage, kRepeated, Wire::kParameterEntry},
        {5, kMessage, kRepeated, Wire::kTensor},
        {6, kBytes, kRepeated}}},
      {Wire::kTensor,
       {{1, kString},
        {2, kString},
        {3, kInt64, kRepeated},
        {4, kMessage, kRepeated, Wire::kParameterEntry},
        {5, kMessage, kSingle, Wire::kContents}}},
      {Wire::kContents,
       {{1, kBool, kRepeated},
        {2, kInt32, kRepeated},
        {3, kInt64, kRepeated},
        {4, kUint32, kRepeated},
        {5, kUint64, kRepeated},
        {6, kFloat, kRepeated},
        {7, kDouble, kRepeated},
        {8, kBytes, kRepeated}}},
      {Wire::kParameter,
       {{1, kBool, kChoice},
        {2, kInt64, kChoice},
        {3, kString, kChoice},
        {4, kDouble, kChoice},
        {5, kUint64, kChoice}}},
      {Wire::kParameterEntry, {{1, kString}, {2, kMessage, kSingle, Wire::kParameter}}},
      {Wire::kHealth, {{1, kInt32}}},
      {Wire::kIndexRequest, {{1, kString}, {2, kBool}}},
      {Wire::kIndex, {{1, kMessage, kRepeated, Wire::kIndexModel}}},
      {Wire::kIndexModel, {{1, kString}, {2, kString}, {3, kString}, {4, kString}}},
  };
  static_assert(sizeof rows / sizeof *rows == kNumMessages, "a row for each message");
  Tables tables;
  for (const Row &row : rows) build(&tables, row);
  for (const Row &row : rows) link(tables, row);
  return tables;
}

}  // namespace

const upb_MiniTable *wire_table(Wire message) {
  static const Tables tables = build_all();
  return tables.table[static_cast<size_t>(message)];
}

}  // namespace aoti::server::grpc
