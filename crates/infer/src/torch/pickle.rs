//! The few instructions of Python's pickle language that PyTorch checkpoints are written in.
//!
//! Nothing is executed: the two callables that a state dictionary needs are known by name, any
//! other is an error. Opcode numbers are those of Python's `pickletools`.

use super::checkpoint::{CheckpointError, ElementKind, StoredTensor};
use std::collections::HashMap;
use std::rc::Rc;

/// Instructions read from one pickle before it is given up.
const MAX_INSTRUCTIONS: usize = 1_000_000;
/// Tuples within tuples; checkpoints nest three deep.
const MAX_DEPTH: usize = 16;
/// Sides of a tensor; those of networks have up to five. Each costs a walk over all numbers.
const MAX_SIDES: usize = 16;
/// Bytes of a tensor's name; those of checkpoints have tens.
const MAX_NAME: usize = 1000;

/// What a pickle builds, as far as state dictionaries go.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A value that no state dictionary needs.
    Other,
    Integer(i64),
    Text(Rc<str>),
    Callable(Rc<str>),
    Tuple(Rc<Vec<Value>>, usize),
    Storage(Rc<Storage>),
    Tensor(Rc<StoredTensor>),
    /// The texts of a list.
    Texts(Vec<Rc<str>>),
    /// The tensors of a dictionary; entries of other kinds are left out. Those of a dictionary in it have
    /// both names with a dot between.
    Tensors(Vec<(Rc<str>, Rc<StoredTensor>)>),
}

/// A run of numbers that tensors are cut from.
#[derive(Debug)]
pub(super) struct Storage {
    pub key: Rc<str>,
    pub kind: ElementKind,
    pub length: usize,
}

impl Storage {
    /// Bytes that its numbers take.
    pub(super) fn bytes(&self) -> Result<usize, CheckpointError> {
        let bytes = self.length.checked_mul(self.kind.bytes());
        bytes.ok_or(CheckpointError::Pickle("a storage is too long"))
    }
}

/// Bytes with a position.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], CheckpointError> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(CheckpointError::Truncated { at: self.at })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| CheckpointError::Truncated { at: self.at })
    }

    pub(super) fn u64(&mut self) -> Result<u64, CheckpointError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn u8(&mut self) -> Result<u8, CheckpointError> {
        Ok(self.array::<1>()?[0])
    }

    fn i32(&mut self) -> Result<i32, CheckpointError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, CheckpointError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn line(&mut self) -> Result<&'a str, CheckpointError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or(CheckpointError::Truncated { at: self.at })?;
        let line = text(self.take(end)?)?;
        self.take(1)?;
        Ok(line)
    }
}

/// Reads the next pickle of a stream of them.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Value, CheckpointError> {
    let mut machine = Machine { reader, stack: vec![], marks: vec![], memo: HashMap::new() };
    for _ in 0..MAX_INSTRUCTIONS {
        let opcode = machine.reader.u8()?;
        if opcode == b'.' {
            return machine.pop();
        }
        machine.step(opcode)?;
    }
    Err(CheckpointError::Pickle("it has too many instructions"))
}

struct Machine<'a, 'b> {
    reader: &'b mut Reader<'a>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl Machine<'_, '_> {
    fn step(&mut self, opcode: u8) -> Result<(), CheckpointError> {
        match opcode {
            // PROTO
            0x80 => self.reader.take(1).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'q' | b'r' | b'h' | b'j' => self.step_memo(opcode),
            b'e' | b'u' | b's' => self.step_container(opcode),
            b'R' => self.reduce(),
            b'Q' => self.persistent(),
            // BUILD gives the dictionary below it attributes, which nothing here needs.
            b'b' => self.pop().map(drop),
            _ => {
                let value = self.literal(opcode)?;
                self.stack.push(value);
                Ok(())
            }
        }
    }

    fn literal(&mut self, opcode: u8) -> Result<Value, CheckpointError> {
        Ok(match opcode {
            b'N' | 0x88 | 0x89 => Value::Other,
            // BINFLOAT
            b'G' => self.reader.take(8).map(|_| Value::Other)?,
            b'J' => Value::Integer(self.reader.i32()?.into()),
            b'K' => Value::Integer(self.reader.u8()?.into()),
            b'M' => Value::Integer(u16::from_le_bytes(self.reader.array()?).into()),
            b'X' => {
                let length = self.reader.u32()? as usize;
                Value::Text(text(self.reader.take(length)?)?.into())
            }
            b'c' => {
                let (module, name) = (self.reader.line()?, self.reader.line()?);
                Value::Callable(format!("{module}.{name}").into())
            }
            b'}' => Value::Tensors(vec![]),
            b']' => Value::Texts(vec![]),
            b')' => Value::Tuple(Rc::default(), 1),
            b't' => self.pop_to_mark().and_then(tuple)?,
            0x85..=0x87 => self.pop_last(usize::from(opcode - 0x84)).and_then(tuple)?,
            _ => return Err(CheckpointError::Opcode(opcode)),
        })
    }

    fn step_memo(&mut self, opcode: u8) -> Result<(), CheckpointError> {
        let wide = matches!(opcode, b'r' | b'j');
        let slot = if wide { self.reader.u32()? } else { self.reader.u8()?.into() };
        if matches!(opcode, b'h' | b'j') {
            let value = self.memo.get(&slot).ok_or(CheckpointError::Pickle("a memo is empty"))?;
            self.stack.push(value.clone());
            return Ok(());
        }
        let kept = match self.stack.last() {
            // Containers are filled later and never fetched again in a checkpoint.
            Some(Value::Tensors(_) | Value::Texts(_)) => Value::Other,
            Some(value) => value.clone(),
            None => return Err(CheckpointError::Pickle("its stack is empty")),
        };
        self.memo.insert(slot, kept);
        Ok(())
    }

    fn step_container(&mut self, opcode: u8) -> Result<(), CheckpointError> {
        let items = if opcode == b's' { self.pop_last(2)? } else { self.pop_to_mark()? };
        match self.stack.last_mut() {
            Some(Value::Tensors(entries)) if opcode != b'e' => {
                for pair in items.chunks_exact(2) {
                    match pair {
                        [Value::Text(name), Value::Tensor(tensor)] => {
                            entries.push((name.clone(), tensor.clone()));
                        }
                        [Value::Text(outer), Value::Tensors(inner)] => {
                            for (name, tensor) in inner {
                                entries.push((nested(outer, name)?, tensor.clone()));
                            }
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Some(Value::Texts(texts)) if opcode == b'e' => {
                texts.extend(items.into_iter().filter_map(|item| match item {
                    Value::Text(text) => Some(text),
                    _ => None,
                }));
                Ok(())
            }
            _ => Err(CheckpointError::Pickle("items stand outside a list or dictionary")),
        }
    }

    fn reduce(&mut self) -> Result<(), CheckpointError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let made = match (&callable, &arguments) {
            (Value::Callable(name), Value::Tuple(arguments, _)) => match &**name {
                "collections.OrderedDict" => Some(Value::Tensors(vec![])),
                "torch._utils._rebuild_tensor_v2" => rebuild_tensor(arguments),
                _ => return Err(CheckpointError::Callable(name.to_string())),
            },
            _ => None,
        };
        self.stack.push(made.ok_or(CheckpointError::Pickle("a call has wrong arguments"))?);
        Ok(())
    }

    fn persistent(&mut self) -> Result<(), CheckpointError> {
        let Value::Tuple(parts, _) = self.pop()? else {
            return Err(CheckpointError::Pickle("a storage is not described by a tuple"));
        };
        let [
            Value::Text(_),
            Value::Callable(kind),
            Value::Text(key),
            _,
            Value::Integer(length),
            ..,
        ] = &parts[..]
        else {
            return Err(CheckpointError::Pickle("a storage is not described as PyTorch does"));
        };
        let kind = ElementKind::of_storage(kind)?;
        let length = usize::try_from(*length)
            .map_err(|_| CheckpointError::Pickle("a storage has a negative length"))?;
        self.stack.push(Value::Storage(Rc::new(Storage { key: key.clone(), kind, length })));
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, CheckpointError> {
        self.stack.pop().ok_or(CheckpointError::Pickle("its stack is empty"))
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Value>, CheckpointError> {
        let from = self.stack.len().checked_sub(count);
        Ok(self.stack.split_off(from.ok_or(CheckpointError::Pickle("its stack is empty"))?))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, CheckpointError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or(CheckpointError::Pickle("a mark is missing"))?))
    }
}

fn nested(outer: &str, name: &str) -> Result<Rc<str>, CheckpointError> {
    if outer.len() + name.len() > MAX_NAME {
        return Err(CheckpointError::Pickle("a tensor's name is too long"));
    }
    Ok(format!("{outer}.{name}").into())
}

fn tuple(items: Vec<Value>) -> Result<Value, CheckpointError> {
    let depth = items.iter().map(|item| if let Value::Tuple(_, depth) = item { *depth } else { 0 });
    let depth = depth.max().unwrap_or(0) + 1;
    if depth > MAX_DEPTH {
        return Err(CheckpointError::Pickle("its tuples nest too deep"));
    }
    Ok(Value::Tuple(Rc::new(items), depth))
}

/// `_rebuild_tensor_v2(storage, offset, sizes, strides, ...)`.
fn rebuild_tensor(arguments: &[Value]) -> Option<Value> {
    let [Value::Storage(storage), Value::Integer(offset), sizes, strides, ..] = arguments else {
        return None;
    };
    let (shape, strides) = (integers(sizes)?, integers(strides)?);
    let offset = usize::try_from(*offset).ok()?;
    (shape.len() == strides.len() && shape.len() <= MAX_SIDES).then(|| {
        Value::Tensor(Rc::new(StoredTensor { storage: storage.clone(), offset, shape, strides }))
    })
}

fn integers(value: &Value) -> Option<Vec<usize>> {
    let Value::Tuple(items, _) = value else { return None };
    let integer = |item: &Value| match item {
        Value::Integer(value) => usize::try_from(*value).ok(),
        _ => None,
    };
    items.iter().map(integer).collect()
}

fn text(bytes: &[u8]) -> Result<&str, CheckpointError> {
    std::str::from_utf8(bytes).map_err(|_| CheckpointError::Pickle("a name is not UTF-8"))
}
