#include "runtime/bindings/call_spec.h"

#include <stddef.h>

#include <string>
#include <vector>

namespace py = pybind11;

namespace aoti {
namespace {

py::object from_json(const std::string &text) { return py::module_::import("json").attr("loads")(text); }

std::string text_of(const py::handle &value) { return py::str(value); }

std::string repr_of(const py::handle &value) { return py::repr(value); }

py::list children(const py::dict &node) { return node["children_spec"]; }

// The node's context, which is JSON in a string; None where there is none.
py::object context(const py::dict &node) {
  const py::object text = node["context"];
  return text.is_none() ? text : from_json(text_of(text));
}

bool is_leaf(const py::dict &node) { return node["type"].is_none(); }

bool is_sequence(const std::string &type) { return type == "builtins.tuple" || type == "builtins.list"; }

bool is_dict(const std::string &type) {
  return type == "builtins.dict" || type == "collections.OrderedDict" || type == "collections.defaultdict";
}

// The keys of a dict, or the fields of any other container by name; empty where it has positions only.
py::list keys(const std::string &type, const py::object &given) {
  py::object found = given;
  if (type == "collections.defaultdict") found = given["dict_context"];
  // A dataclass: the fields that are there, and those that are None.
  if (!is_dict(type) && py::isinstance<py::list>(found) && py::len(found) == 2 &&
      py::isinstance<py::list>(py::list(found)[0])) {
    found = py::list(found)[0];
  }
  return py::isinstance<py::list>(found) ? py::list(found) : py::list();
}

[[noreturn]] void refuse(const std::string &path, const std::string &expected, const py::handle &got) {
  throw Error("argument " + path + ": expected " + expected + ", got " + repr_of(py::type::of(got)) +
              "; the model was exported with this structure");
}

// The class of a qualified name, where its module is loaded; None elsewhere. Nothing is imported: a library
// is no reason to run code.
py::object loaded_class(const std::string &name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return py::none();
  const py::object modules = py::module_::import("sys").attr("modules");
  const py::object module = modules.attr("get")(name.substr(0, dot));
  if (module.is_none()) return py::none();
  return py::getattr(module, name.substr(dot + 1).c_str(), py::none());
}

// What x.max(1) and others return in PyTorch.
bool is_return_type(const std::string &type) { return type.rfind("torch.return_types.", 0) == 0; }

// PyTorch's own class where it is loaded, else a named tuple that reads the same.
py::object return_type(const std::string &type, const py::list &fields, const py::list &values) {
  const py::object named = loaded_class(type);
  if (!named.is_none()) return named(py::tuple(values));
  const std::string name = type.substr(type.rfind('.') + 1);
  return py::module_::import("collections").attr("namedtuple")(name, fields)(*py::tuple(values));
}

py::object number_of(const py::handle &result) {
  const Tensor &tensor = result.cast<const Tensor &>();
  switch (tensor.dtype()) {
    case AOTI_DTYPE_INT64:
      return py::int_(*static_cast<const int64_t *>(tensor.data()));
    case AOTI_DTYPE_FLOAT64:
      return py::float_(*static_cast<const double *>(tensor.data()));
    case AOTI_DTYPE_BOOL:
      return py::bool_(*static_cast<const bool *>(tensor.data()));
    default:
      return py::reinterpret_borrow<py::object>(result);
  }
}

}  // namespace

CallSpec::CallSpec(const Model &model) {
  const AotiModelDesc *desc = model.api().desc;
  const bool known = desc != nullptr && desc->struct_size > offsetof(AotiModelDesc, call_info) &&
                     desc->call_info != nullptr && desc->in_spec[0] != '\0';
  if (!known) {
    throw Error("this library says nothing of the model's signature; call run() with the inputs in order");
  }
  in_ = py::list(from_json(desc->in_spec))[1];
  out_ = py::list(from_json(desc->out_spec))[1];
  const py::dict info = from_json(desc->call_info);
  names_ = info["names"];
  fixed_ = info["fixed"];
  numbers_ = info["numbers"];
}

const CallSpec &CallSpec::of(const Model &model) {
  if (model.call_spec_ == nullptr) {
    // The last tensor of a model can go in a thread without the interpreter's lock.
    model.call_spec_ = std::shared_ptr<const CallSpec>(new CallSpec(model), [](const CallSpec *spec) {
      py::gil_scoped_acquire gil;
      delete spec;
    });
  }
  return *model.call_spec_;
}

py::tuple CallSpec::flatten(const py::args &args, const py::kwargs &kwargs) const {
  const py::list sides = children(in_);
  const py::list positional = children(sides[0]), named = children(sides[1]);
  const py::list keywords = keys("builtins.dict", context(sides[1]));
  if (args.size() > positional.size()) {
    throw Error("the model takes " + std::to_string(positional.size()) + " positional arguments, got " +
                std::to_string(args.size()));
  }
  py::dict left(kwargs.attr("copy")());
  py::list leaves;
  for (size_t i = 0; i < positional.size() + named.size(); ++i) {
    const bool by_position = i < positional.size();
    const py::dict node = by_position ? positional[i] : named[i - positional.size()];
    const py::object name = !by_position        ? py::object(keywords[i - positional.size()])
                            : i < names_.size() ? py::object(names_[i])
                                                : py::object(py::str("#" + std::to_string(i)));
    if (by_position && i < args.size()) {
      if (left.contains(name)) throw Error("argument " + text_of(name) + " is given twice");
      flatten_into(node, args[i], text_of(name), &leaves);
    } else if (left.contains(name)) {
      const py::object value = left.attr("pop")(name);
      flatten_into(node, value, text_of(name), &leaves);
    } else {
      take_default(node, text_of(name), &leaves);
    }
  }
  if (py::len(left) != 0) {
    throw Error("unexpected argument " + text_of((*left.begin()).first) + "; the model takes " +
                text_of(py::str(", ").attr("join")(names_)));
  }
  py::list tensors;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!fixed_.contains(py::str(std::to_string(i)))) tensors.append(leaves[i]);
  }
  return py::tuple(tensors);
}

void CallSpec::flatten_into(const py::dict &node, const py::handle &value, const std::string &path,
                            py::list *leaves) const {
  if (is_leaf(node)) {
    check_fixed(leaves->size(), value, path);
    leaves->append(value);
    return;
  }
  const std::string type = text_of(node["type"]);
  const py::list parts = children(node), names = keys(type, context(node));
  if (is_sequence(type) || names.size() != parts.size()) {
    const bool fits = (py::isinstance<py::tuple>(value) || py::isinstance<py::list>(value)) &&
                      py::len(value) == parts.size();
    if (!fits) refuse(path, "a sequence of " + std::to_string(parts.size()), value);
    for (size_t i = 0; i < parts.size(); ++i) {
      const py::object item = value[py::int_(i)];
      flatten_into(parts[i], item, path + "[" + std::to_string(i) + "]", leaves);
    }
    return;
  }
  const bool is_mapping = py::isinstance<py::dict>(value) || py::hasattr(value, "keys");
  if (is_mapping && py::len(value) != names.size()) {
    refuse(path, "a dict with the keys " + repr_of(names), value);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool has = is_mapping ? py::bool_(value.attr("__contains__")(names[i])).cast<bool>()
                                : !is_dict(type) && py::hasattr(value, text_of(names[i]).c_str());
    if (!has)
      refuse(path, (is_dict(type) ? "a dict with the key " : type + " with the field ") + repr_of(names[i]),
             value);
    const py::object item =
        is_mapping ? py::object(value[names[i]]) : py::getattr(value, text_of(names[i]).c_str());
    flatten_into(parts[i], item,
                 path + (is_dict(type) ? "[" + repr_of(names[i]) + "]" : "." + text_of(names[i])), leaves);
  }
}

void CallSpec::check_fixed(size_t leaf, const py::handle &value, const std::string &path) const {
  const py::str key(std::to_string(leaf));
  const bool is_tensor = py::hasattr(value, "__dlpack__");
  if (!fixed_.contains(key)) {
    if (is_tensor) return;
    throw Error("argument " + path + ": expected a tensor, got " + repr_of(value));
  }
  const py::object expected = fixed_[key];
  // What JSON has no form for is kept as text.
  const bool is_text = py::isinstance<py::str>(expected) && !py::isinstance<py::str>(value);
  if (!is_tensor && (is_text ? text_of(value) == text_of(expected) : value.equal(expected))) return;
  throw Error("argument " + path + " is " + (is_tensor ? "a tensor" : repr_of(value)) +
              "; the model was exported with " + repr_of(expected) +
              ", which is part of the compiled code: export it again for other values");
}

void CallSpec::take_default(const py::dict &node, const std::string &path, py::list *leaves) const {
  if (is_leaf(node)) {
    const py::str key(std::to_string(leaves->size()));
    if (!fixed_.contains(key)) throw Error("argument " + path + " is missing");
    leaves->append(fixed_[key]);
    return;
  }
  for (const py::handle &child : children(node)) take_default(py::cast<py::dict>(child), path, leaves);
}

py::object CallSpec::unflatten(const py::list &results) const {
  size_t next = 0;
  return build(out_, results, &next);
}

py::object CallSpec::build(const py::dict &node, const py::list &results, size_t *next) const {
  if (is_leaf(node)) {
    const size_t at = (*next)++;
    if (at >= results.size()) throw Error("the library's results do not fit the model's signature");
    const bool is_number = numbers_.contains(py::int_(at)) && !py::object(results[at]).is_none();
    return is_number ? number_of(results[at]) : py::object(results[at]);
  }
  const std::string type = text_of(node["type"]);
  const py::object given = context(node);
  const py::list parts = children(node), names = keys(type, given);
  py::list values;
  for (const py::handle &child : parts) values.append(build(py::cast<py::dict>(child), results, next));
  if (type == "builtins.list") return values;
  if (is_sequence(type) || names.size() != parts.size()) {
    const py::object named = is_sequence(type) ? py::none() : loaded_class(type);
    return named.is_none() || !py::hasattr(named, "_fields") ? py::object(py::tuple(values))
                                                             : named(*py::tuple(values));
  }
  if (is_return_type(type)) return return_type(type, names, values);
  py::dict fields;
  for (size_t i = 0; i < parts.size(); ++i) fields[names[i]] = values[i];
  if (is_dict(type)) return fields;
  if (py::isinstance<py::list>(given) && py::len(given) == 2 &&
      py::isinstance<py::list>(py::list(given)[1])) {
    for (const py::handle &name : py::list(py::list(given)[1])) fields[name] = py::none();
  }
  const py::object named = loaded_class(type);
  if (!named.is_none()) return named(**fields);
  return py::module_::import("types").attr("SimpleNamespace")(**fields);
}

}  // namespace aoti
