//! Arranges a wasm so that it compresses better, without changing what it does.
//!
//! Brotli makes little of what is like something near by. So each function is followed by the one that is most like it, of
//! those that are left: the one with which it has the largest part of its runs of instructions in common. And of loads and
//! stores the alignment is what it is for most of their kind: the operand is a hint, which processors of 64 bits have no
//! use for, and the compiler knows less than the maximum where it copies structs. 404 kB become 395.

use crate::wasm_code::{CALL, END, Function, I32_CONST, Instruction, REF_FUNC};
use crate::wasm_file::{
    self, CODE, CUSTOM, ELEMENTS, EXPORTS, FUNCTIONS, GLOBALS, IMPORTS, Reader, START, Section, put_number, put_sized,
};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::Path;

/// How many instructions are compared together.
const RUN: usize = 3;
/// A run that so many functions have makes none of them alike.
const MAX_COMMON: usize = 1000;
/// What a run in common with the last function counts, and with the one before it.
const WEIGHTS: [u64; 2] = [10, 3];

/// What the arrangement follows from: what another version of this made of a wasm is not it.
pub(crate) const SOURCE: &str = concat!(include_str!("wasm_layout.rs"), include_str!("wasm_code.rs"));

/// Arranges a file, in place.
pub(crate) fn arrange_file(file: &Path) -> Result<()> {
    let cannot = || format!("{} cannot be read or written", file.display());
    let arranged = arrange(&std::fs::read(file).with_context(cannot)?)?;
    std::fs::write(file, arranged).with_context(cannot)
}

/// The wasm in its new arrangement.
fn arrange(wasm: &[u8]) -> Result<Vec<u8>> {
    let sections = wasm_file::sections(wasm)?;
    let mut functions = Vec::new();
    for (_, content) in sections.iter().filter(|(id, _)| *id == CODE) {
        let mut reader = Reader(content);
        for _ in 0..reader.number()? {
            let size = reader.number()?;
            functions.push(Function::read(reader.take(size)?)?);
        }
    }
    let order = order(&functions);
    let moved = Moved::new(imported_functions(&sections)?, &order);
    let mut arranged = Vec::with_capacity(sections.len());
    for (id, content) in &sections {
        let content = match *id {
            FUNCTIONS => moved.types(content)?,
            EXPORTS => moved.exports(content)?,
            ELEMENTS => moved.elements(content)?,
            START => number(moved.index(Reader(content).number()?)),
            CODE => moved.code(&functions, &order)?,
            GLOBALS => {
                check_globals(content)?;
                content.clone()
            }
            CUSTOM if Reader(content).name()? == "name" => bail!("its names would be those of other functions"),
            _ => content.clone(),
        };
        arranged.push((*id, content));
    }
    Ok(wasm_file::file(&arranged))
}

fn imported_functions(sections: &[Section]) -> Result<usize> {
    let mut functions = 0;
    for (_, content) in sections.iter().filter(|(id, _)| *id == IMPORTS) {
        let mut reader = Reader(content);
        for _ in 0..reader.number()? {
            functions += usize::from(reader.import()?.1);
        }
    }
    Ok(functions)
}

/// Fails if a global is a function: its index is not changed.
fn check_globals(content: &[u8]) -> Result<()> {
    let mut reader = Reader(content);
    for _ in 0..reader.number()? {
        // Its type, and whether it can change.
        reader.take(2)?;
        while let Some(instruction) = Instruction::read(&mut reader)?.unless_end() {
            if instruction.code == REF_FUNC {
                bail!("a global that is a function");
            }
        }
    }
    Ok(())
}

fn number(number: usize) -> Vec<u8> {
    let mut wasm = Vec::new();
    put_number(&mut wasm, number);
    wasm
}

/// Where each function went.
struct Moved {
    imported: usize,
    /// Of each function that is not imported, its new index.
    indices: Vec<usize>,
}

impl Moved {
    fn new(imported: usize, order: &[usize]) -> Self {
        let mut by_old: Vec<(usize, usize)> = order.iter().copied().zip(imported..).collect();
        by_old.sort_unstable();
        Self { imported, indices: by_old.into_iter().map(|(_, new)| new).collect() }
    }

    fn index(&self, old: usize) -> usize {
        // Those that are imported stay.
        old.checked_sub(self.imported).and_then(|own| self.indices.get(own)).copied().unwrap_or(old)
    }

    fn types(&self, content: &[u8]) -> Result<Vec<u8>> {
        let mut reader = Reader(content);
        let count = reader.number()?;
        let types = (0..count).map(|own| Ok((self.index(self.imported + own), reader.number()?)));
        let mut types = types.collect::<Result<Vec<_>>>()?;
        types.sort_unstable();
        let mut moved = number(count);
        types.into_iter().for_each(|(_, of_type)| put_number(&mut moved, of_type));
        Ok(moved)
    }

    fn exports(&self, content: &[u8]) -> Result<Vec<u8>> {
        let mut reader = Reader(content);
        let count = reader.number()?;
        let mut moved = number(count);
        for _ in 0..count {
            put_sized(&mut moved, reader.name()?.as_bytes());
            let kind = reader.byte()?;
            let index = reader.number()?;
            moved.push(kind);
            put_number(&mut moved, if kind == 0 { self.index(index) } else { index });
        }
        Ok(moved)
    }

    /// What the table of functions is filled with.
    fn elements(&self, content: &[u8]) -> Result<Vec<u8>> {
        let mut reader = Reader(content);
        let count = reader.number()?;
        let mut moved = number(count);
        for _ in 0..count {
            let kind = reader.number()?;
            if kind != 0 {
                bail!("elements of kind {kind}, which rustc does not write");
            }
            put_number(&mut moved, kind);
            loop {
                let instruction = Instruction::read(&mut reader)?;
                moved.extend(instruction.bytes);
                if instruction.code == END {
                    break;
                }
            }
            let functions = reader.number()?;
            put_number(&mut moved, functions);
            for _ in 0..functions {
                put_number(&mut moved, self.index(reader.number()?));
            }
        }
        Ok(moved)
    }

    fn code(&self, functions: &[Function], order: &[usize]) -> Result<Vec<u8>> {
        let mut moved = number(order.len());
        for function in order.iter().filter_map(|old| functions.get(*old)) {
            let mut body = function.locals.to_vec();
            for instruction in &function.instructions {
                match (instruction.code, instruction.natural_alignment()) {
                    (CALL | REF_FUNC, _) => {
                        body.push(instruction.code);
                        put_number(&mut body, self.index(instruction.operand()?));
                    }
                    (code, Some(alignment)) => {
                        let (_, rest) = instruction.bytes.split_at_checked(2).context("an access without operands")?;
                        body.extend([code, alignment]);
                        body.extend(rest);
                    }
                    _ => body.extend(instruction.bytes),
                }
            }
            put_sized(&mut moved, &body);
        }
        Ok(moved)
    }
}

/// Every run of instructions of a function, by its hash.
fn runs(function: &Function) -> HashMap<u64, u64> {
    let kinds: Vec<u64> = function.instructions.iter().map(kind).collect();
    let mut runs = HashMap::new();
    for run in kinds.windows(RUN.min(kinds.len())) {
        *runs.entry(hash(run.iter().copied())).or_default() += 1;
    }
    runs
}

/// What an instruction is compared by: not by the functions and addresses in it, which differ where everything else is the
/// same.
fn kind(instruction: &Instruction) -> u64 {
    let Instruction { code, bytes } = instruction;
    let is_address = *code == I32_CONST && bytes.len() > 3;
    if *code == CALL || is_address { u64::from(*code) } else { hash(bytes.iter().copied()) }
}

/// Fowler–Noll–Vo.
fn hash(parts: impl Iterator<Item = impl Into<u64>>) -> u64 {
    parts.fold(0xcbf2_9ce4_8422_2325, |hash, part| (hash ^ part.into()).wrapping_mul(0x0100_0000_01b3))
}

/// The functions in their new order.
fn order(functions: &[Function]) -> Vec<usize> {
    let all: Vec<HashMap<u64, u64>> = functions.iter().map(runs).collect();
    let sizes: Vec<u64> = all.iter().map(|runs| runs.values().sum()).collect();
    let mut having: HashMap<u64, Vec<(usize, u64)>> = HashMap::new();
    for (function, runs) in all.iter().enumerate() {
        for (run, times) in runs {
            having.entry(*run).or_default().push((function, *times));
        }
    }
    let size = |function: usize| sizes.get(function).copied().unwrap_or_default();
    let mut left = vec![true; functions.len()];
    let mut order: Vec<usize> = Vec::with_capacity(functions.len());
    let mut first_left = 0;
    while order.len() < functions.len() {
        let mut common: HashMap<usize, u64> = HashMap::new();
        for (last, weight) in order.iter().rev().zip(WEIGHTS) {
            for (run, times) in all.get(*last).into_iter().flatten() {
                let others = having.get(run).filter(|others| others.len() <= MAX_COMMON);
                for (other, of_other) in others.into_iter().flatten() {
                    if left.get(*other) == Some(&true) {
                        *common.entry(*other).or_default() += weight * times.min(of_other);
                    }
                }
            }
        }
        let last = order.last().map_or(0, |last| size(*last));
        // Fractions, compared without rounding; of equals the first.
        let alike = common.into_iter().max_by(|(a, of_a), (b, of_b)| {
            let (size_a, size_b) = (last + size(*a), last + size(*b));
            (of_a * size_b).cmp(&(of_b * size_a)).then(b.cmp(a))
        });
        while left.get(first_left) == Some(&false) {
            first_left += 1;
        }
        let next = alike.map_or(first_left, |(function, _)| function);
        if let Some(is_left) = left.get_mut(next) {
            *is_left = false;
        }
        order.push(next);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `i32.load` with the alignment of a byte, an address and an `i64.const` beside it, then a call.
    fn load(called: u8) -> Vec<u8> {
        vec![1, 2, 0x7f, 0x41, 0xf0, 0x8e, 0xc3, 0, 0x28, 0, 4, 0x1a, 0x42, 0x80, 0x7f, 0x1a, CALL, called, END]
    }

    const NOTHING: &[u8] = &[0, 1, 1, 1, END];
    const ELSE: &[u8] = &[0, 0x0e, 1, 0, 1, 0, 0xfc, 10, 0, 0, END];

    /// A module with one import, the functions `NOTHING`, `load`, `ELSE` and `load`, and something of all that has indices.
    fn module(order: [usize; 4], indices: [u8; 4], alignment: u8) -> Vec<u8> {
        let loads = [indices[0], indices[2]].map(|called| {
            let mut load = load(called);
            load[9] = alignment;
            load
        });
        let bodies = [NOTHING, &loads[0], ELSE, &loads[1]];
        let types = [0, 1, 2, 1];
        let mut code = vec![4];
        order.iter().for_each(|old| put_sized(&mut code, bodies[*old]));
        let functions = [vec![4], order.iter().map(|old| types[*old]).collect()].concat();
        let [a, b, c, d] = indices;
        wasm_file::file(&[
            (IMPORTS, b"\x01\x01m\x01f\x00\x00".to_vec()),
            (FUNCTIONS, functions),
            (GLOBALS, vec![1, 0x7f, 1, 0x41, 0x10, END]),
            (EXPORTS, vec![3, 1, b'i', 0, 0, 1, b'd', 0, d, 1, b'g', 3, 1]),
            (START, vec![a]),
            (ELEMENTS, vec![1, 0, 0x41, 1, END, 5, 0, a, b, c, d]),
            (CODE, code),
            (CUSTOM, b"\x01xyz".to_vec()),
        ])
    }

    #[test]
    fn like_follows_like_and_every_index_follows_its_function() {
        let arranged = arrange(&module([0, 1, 2, 3], [1, 2, 3, 4], 0)).unwrap();
        assert_eq!(arranged, module([0, 1, 3, 2], [1, 2, 4, 3], 2));
        assert_eq!(arrange(&arranged).unwrap(), arranged);
    }

    #[test]
    fn what_it_does_not_know_it_does_not_touch() {
        let code = |body: &[u8]| wasm_file::file(&[(CODE, [&[1, body.len() as u8], body].concat())]);
        assert!(arrange(&code(NOTHING)).is_ok());
        for body in [&[0, 0xfd, 0, END][..], &[0, 0x41, 0x80], &[0, 0x0e, 5, 1, END], &[0, 0xfc, 99, END]] {
            assert!(arrange(&code(body)).is_err(), "{body:?}");
        }
        assert!(arrange(&wasm_file::file(&[(GLOBALS, vec![1, 0x70, 0, REF_FUNC, 1, END])])).is_err());
        assert!(arrange(&wasm_file::file(&[(ELEMENTS, vec![1, 4, 0x41, 0, END, 0])])).is_err());
        assert!(arrange(&wasm_file::file(&[(CUSTOM, b"\x04name".to_vec())])).is_err());
    }
}
