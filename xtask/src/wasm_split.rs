//! Splits a wasm in two: what a page needs for its first screen, and the rest, which it loads when that is drawn.
//!
//! The functions of the rest are found by their names, in which rustc writes what they are generic in as well, and with
//! them goes whatever is called by nothing else. Both parts use one memory and one table. The rest fills the slots of its
//! functions when it is instantiated; until then each holds a *stub*, which loads the rest and calls the slot again. So
//! it makes no difference to what the program does whether a function is in the one part or in the other. A call from the
//! first part to the rest calls the stub; the rest imports what it calls in the first part from the table as well, for a
//! slot takes fewer bytes than an export with a name.
//!
//! In the end each part is a wasm like others: this comes before wasm-opt and [`crate::wasm_layout`].

use crate::wasm_code::{CALL, CALL_INDIRECT, END, Function, I32_CONST, Instruction, LOCAL_GET, REF_FUNC};
use crate::wasm_file::{
    self, CODE, CUSTOM, ELEMENTS, EXPORTS, FUNCTIONS, GLOBALS, IMPORTS, MEMORIES, Reader, START, Section, TABLES,
    TYPES, put_number, put_sized,
};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// The module from which the first part imports the function that loads the rest.
pub(crate) const LOADER: &str = "load";
/// The module from which the rest imports memory, tables and globals: what the first part exports.
const FIRST: &str = "first";
/// The module from which the rest imports functions of the first part, by their slots.
const SLOTS: &str = "slots";

/// A stub takes about as many bytes, so what is no larger stays.
const STUB: usize = 16;

const FUNCTION: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;
/// Of the instructions that begin with this byte, those that name a data or element segment.
const PREFIX: u8 = 0xfc;
const OF_SEGMENTS: [usize; 4] = [8, 9, 12, 13];

/// The two parts of a wasm.
#[derive(Debug)]
pub(crate) struct Split {
    /// What is loaded first.
    pub(crate) first: Vec<u8>,
    /// The rest.
    pub(crate) rest: Vec<u8>,
    /// The name by which the first part exports the table of functions.
    pub(crate) table: String,
}

/// What goes to the rest, by the mangled names of functions.
pub(crate) struct Rules {
    /// Whether a function goes there.
    pub(crate) is_later: fn(&str) -> bool,
    /// Whether it is one of those that the first part calls. Another one that it calls is not of the rest alone, whatever its
    /// name: the compiler makes one of two functions that do the same.
    pub(crate) is_entry: fn(&str) -> bool,
}

/// Splits a wasm that has its functions' names still.
pub(crate) fn split(wasm: &[u8], rules: &Rules) -> Result<Split> {
    let sections = wasm_file::sections(wasm)?;
    let module = Module::read(&sections)?;
    let moved = module.moved(rules)?;
    if moved.is_empty() {
        bail!("no function is of the rest: its parts of the app have other names now");
    }
    let plan = Plan::new(&module, &moved)?;
    let table = plan.export_name(TABLE, 0)?.to_owned();
    Ok(Split { first: plan.first()?, rest: plan.rest()?, table })
}

/// What an import or export is of the file: `tables`, `memories` and `globals` in their own order.
struct Shared<'a> {
    kind: u8,
    index: usize,
    /// Its type, as an import has it.
    of_type: &'a [u8],
}

/// A wasm, as far as splitting it takes.
struct Module<'a> {
    sections: &'a [Section],
    /// Of each type, how many parameters it has, and whether it is that of a function without any that returns nothing.
    types: Vec<(usize, bool)>,
    /// The imports of functions: module and name, then the type.
    imports: Vec<&'a [u8]>,
    /// Of each own function.
    function_types: Vec<usize>,
    functions: Vec<Function<'a>>,
    sizes: Vec<usize>,
    /// What is in which slot of the table.
    slots: BTreeMap<usize, usize>,
    table_size: usize,
    exports: Vec<(String, u8, usize)>,
    shared: Vec<Shared<'a>>,
    start: Option<usize>,
    names: BTreeMap<usize, String>,
}

impl<'a> Module<'a> {
    fn read(sections: &'a [Section]) -> Result<Self> {
        let mut module = Self {
            sections,
            types: Vec::new(),
            imports: Vec::new(),
            function_types: Vec::new(),
            functions: Vec::new(),
            sizes: Vec::new(),
            slots: BTreeMap::new(),
            table_size: 0,
            exports: Vec::new(),
            shared: Vec::new(),
            start: None,
            names: BTreeMap::new(),
        };
        for (id, content) in sections {
            let mut reader = Reader(content);
            match *id {
                CUSTOM if reader.name()? == "name" => module.read_names(reader)?,
                START => module.start = Some(reader.number()?),
                TYPES | IMPORTS | FUNCTIONS | TABLES | MEMORIES | GLOBALS | EXPORTS | ELEMENTS | CODE => {
                    for _ in 0..reader.number()? {
                        module.read_entry(*id, &mut reader)?;
                    }
                }
                _ => {}
            }
        }
        if module.function_types.len() != module.functions.len() {
            bail!("a function without a body, or a body without a function");
        }
        Ok(module)
    }

    /// Reads one entry of a section.
    fn read_entry(&mut self, section: u8, reader: &mut Reader<'a>) -> Result<()> {
        match section {
            TYPES => {
                if reader.byte()? != 0x60 {
                    bail!("a type that is none of a function");
                }
                let [parameters, results] = [reader.sized()?.len(), reader.sized()?.len()];
                self.types.push((parameters, parameters + results == 0));
            }
            IMPORTS => {
                let ((_, is_function), import) = reader.taken(Reader::import)?;
                if !is_function {
                    bail!("an import that is no function, which wasm-bindgen does not write");
                }
                self.imports.push(import);
            }
            FUNCTIONS => self.function_types.push(reader.number()?),
            TABLES => {
                let ((), of_type) = reader.taken(|reader| reader.byte().and_then(|_| reader.limits()))?;
                let index = self.shared_of(TABLE);
                if index == 0 {
                    let mut limits = Reader(of_type);
                    limits.take(2)?;
                    self.table_size = limits.number()?;
                }
                self.shared.push(Shared { kind: TABLE, index, of_type });
            }
            MEMORIES => {
                let ((), of_type) = reader.taken(Reader::limits)?;
                self.shared.push(Shared { kind: MEMORY, index: self.shared_of(MEMORY), of_type });
            }
            GLOBALS => {
                let of_type = reader.take(2)?;
                self.shared.push(Shared { kind: GLOBAL, index: self.shared_of(GLOBAL), of_type });
                while let Some(instruction) = Instruction::read(reader)?.unless_end() {
                    if instruction.code == REF_FUNC {
                        bail!("a global that is a function");
                    }
                }
            }
            EXPORTS => self.exports.push((reader.name()?, reader.byte()?, reader.number()?)),
            ELEMENTS => {
                let (kind, code) = (reader.number()?, reader.byte()?);
                if kind != 0 || code != I32_CONST {
                    bail!("elements of kind {kind}, which rustc does not write");
                }
                // Never negative, so like a number without a sign.
                let first = reader.number()?;
                if reader.byte()? != END {
                    bail!("elements whose place is computed");
                }
                for slot in 0..reader.number()? {
                    self.slots.insert(first + slot, reader.number()?);
                }
            }
            CODE => {
                let body = reader.sized()?;
                self.sizes.push(body.len());
                self.functions.push(Function::read(body)?);
            }
            _ => bail!("section {section} has no entries"),
        }
        Ok(())
    }

    /// Reads the names of functions.
    fn read_names(&mut self, mut reader: Reader) -> Result<()> {
        while !reader.0.is_empty() {
            let of = reader.byte()?;
            let mut names = Reader(reader.sized()?);
            if of == 1 {
                for _ in 0..names.number()? {
                    self.names.insert(names.number()?, names.name()?);
                }
            }
        }
        Ok(())
    }

    /// How many there are of a kind so far.
    fn shared_of(&self, kind: u8) -> usize {
        self.shared.iter().filter(|shared| shared.kind == kind).count()
    }

    /// The indices of its own functions.
    fn own(&self) -> std::ops::Range<usize> {
        self.imports.len()..self.imports.len() + self.functions.len()
    }

    fn own_function(&self, index: usize) -> Result<(&Function<'a>, usize, usize)> {
        let own = index.checked_sub(self.imports.len());
        let found =
            own.and_then(|own| Some((self.functions.get(own)?, *self.function_types.get(own)?, *self.sizes.get(own)?)));
        found.with_context(|| format!("function {index} is missing"))
    }

    /// What a function calls.
    fn calls(&self, index: usize) -> Result<BTreeSet<usize>> {
        let mut calls = BTreeSet::new();
        for instruction in &self.own_function(index)?.0.instructions {
            match instruction.code {
                CALL => drop(calls.insert(instruction.operand()?)),
                REF_FUNC => bail!("a reference to a function, which rustc does not write"),
                _ => {}
            }
        }
        Ok(calls)
    }

    fn is_named(&self, index: usize, is: fn(&str) -> bool) -> bool {
        self.names.get(&index).is_some_and(|name| is(name))
    }

    /// The functions that go to the rest.
    fn moved(&self, rules: &Rules) -> Result<BTreeSet<usize>> {
        let exported = self.exports.iter().filter(|(_, kind, _)| *kind == FUNCTION).map(|(.., index)| *index);
        let mut left: Vec<usize> = exported.chain(self.start).collect();
        let mut later: BTreeSet<usize> = self.own().filter(|index| self.is_named(*index, rules.is_later)).collect();
        later.retain(|index| !left.contains(index));
        let mut small = Vec::new();
        for index in &later {
            if self.own_function(*index)?.2 <= STUB && self.calls(*index)?.is_disjoint(&later) {
                small.push(*index);
            }
        }
        later.retain(|index| !small.contains(index));
        left.extend(self.slots.values().filter(|function| !later.contains(function)));
        let mut stays = BTreeSet::new();
        while let Some(index) = left.pop() {
            if index < self.imports.len() || !stays.insert(index) {
                continue;
            }
            for called in self.calls(index)? {
                if !later.contains(&called) || !self.is_named(called, rules.is_entry) {
                    later.remove(&called);
                    left.push(called);
                }
            }
        }
        Ok(self.own().filter(|index| !stays.contains(index)).collect())
    }
}

/// What goes where.
struct Plan<'a> {
    module: &'a Module<'a>,
    /// Of each function its index in the first part; of one that was moved, that of its stub if it has one.
    in_first: BTreeMap<usize, usize>,
    stays: Vec<usize>,
    /// The functions that were moved and can be called from the first part, each with a slot of its own.
    stubs: Vec<(usize, usize)>,
    /// Of each function its index in the rest.
    in_rest: BTreeMap<usize, usize>,
    /// The imported functions that the rest imports as well.
    imports: Vec<&'a [u8]>,
    /// The functions of the first part that the rest imports, each with its slot.
    borrowed: Vec<(usize, usize)>,
    moved: &'a BTreeSet<usize>,
    /// What is in the slots that the table has got.
    added: Vec<usize>,
    /// Names of what is exported in addition.
    exports: Vec<(String, u8, usize)>,
    /// The type of a function without parameters that returns nothing.
    plain: usize,
}

impl<'a> Plan<'a> {
    fn new(module: &'a Module<'a>, moved: &'a BTreeSet<usize>) -> Result<Self> {
        let stays: Vec<usize> = module.own().filter(|index| !moved.contains(index)).collect();
        let mut of_first = BTreeSet::new();
        for index in &stays {
            of_first.extend(module.calls(*index)?.into_iter().filter(|called| moved.contains(called)));
        }
        of_first.extend(module.slots.values().filter(|function| moved.contains(function)));
        let (mut of_rest, mut imported) = (BTreeSet::new(), BTreeSet::new());
        for index in moved {
            for called in module.calls(*index)?.into_iter().filter(|called| !moved.contains(called)) {
                if called < module.imports.len() { &mut imported } else { &mut of_rest }.insert(called);
            }
        }

        let mut slot_of = BTreeMap::new();
        for (slot, function) in &module.slots {
            slot_of.entry(*function).or_insert(*slot);
        }
        let mut added = Vec::new();
        let mut with_slot = |function: usize| {
            let slot = *slot_of.entry(function).or_insert_with(|| {
                added.push(function);
                module.table_size + added.len() - 1
            });
            (function, slot)
        };
        let stubs: Vec<(usize, usize)> = of_first.into_iter().map(&mut with_slot).collect();
        let borrowed: Vec<(usize, usize)> = of_rest.into_iter().map(&mut with_slot).collect();

        // Behind its imports the first part has the one more that loads the rest.
        let first_own = module.imports.len() + 1;
        let of_stubs = stubs.iter().map(|(function, _)| function);
        let own = stays.iter().chain(of_stubs).copied().zip(first_own..);
        let in_first = (0..module.imports.len()).map(|imported| (imported, imported)).chain(own).collect();
        let of_borrowed = borrowed.iter().map(|(function, _)| function);
        let in_rest = imported.iter().chain(of_borrowed).chain(moved).copied().zip(0..).collect();
        let imports = imported.iter().filter_map(|index| module.imports.get(*index)).copied().collect();
        let plain = module.types.iter().position(|(_, is_plain)| *is_plain).unwrap_or(module.types.len());

        let is_exported = |shared: &Shared| {
            module.exports.iter().any(|(_, kind, index)| (*kind, *index) == (shared.kind, shared.index))
        };
        let mut exports = Vec::new();
        for shared in module.shared.iter().filter(|shared| !is_exported(shared)) {
            let name = format!("${}{}", shared.kind, shared.index);
            if module.exports.iter().any(|(taken, ..)| *taken == name) {
                bail!("{name} is exported already");
            }
            exports.push((name, shared.kind, shared.index));
        }
        Ok(Self { module, in_first, stays, stubs, in_rest, imports, borrowed, moved, added, exports, plain })
    }

    /// The name by which the first part exports something.
    fn export_name(&self, kind: u8, index: usize) -> Result<&str> {
        let found = self.all_exports().find(|(_, of, at)| (*of, *at) == (kind, index));
        found.map(|(name, ..)| name.as_str()).context("something that is not exported")
    }

    fn all_exports(&self) -> impl Iterator<Item = &(String, u8, usize)> {
        self.module.exports.iter().chain(&self.exports)
    }

    fn first(&self) -> Result<Vec<u8>> {
        let mut first = Vec::new();
        for (id, content) in self.module.sections {
            let content = match *id {
                TYPES => self.types(content)?,
                IMPORTS => {
                    let loader = [&named(LOADER)[..], &named(LOADER), &[FUNCTION], &number(self.plain)].concat();
                    vector(self.module.imports.iter().map(|import| import.to_vec()).chain([loader]))
                }
                FUNCTIONS => {
                    let stubs = self.stubs.iter().map(|(function, _)| function);
                    vector(self.types_of(self.stays.iter().chain(stubs))?)
                }
                TABLES => vector(
                    self.module
                        .shared
                        .iter()
                        .filter(|shared| shared.kind == TABLE)
                        .map(|it| self.shared_type(it))
                        .collect::<Result<Vec<_>>>()?,
                ),
                EXPORTS => self.first_exports()?,
                START => number(index(&self.in_first, Reader(content).number()?)?),
                ELEMENTS => self.first_elements()?,
                CODE => {
                    let stays = self.stays.iter().map(|function| self.body(*function, &self.in_first));
                    let stubs = self.stubs.iter().map(|(function, slot)| self.stub(*function, *slot));
                    vector(stays.chain(stubs).collect::<Result<Vec<_>>>()?)
                }
                CUSTOM if Reader(content).name()? == "name" => self.names(&self.in_first),
                _ => content.clone(),
            };
            first.push((*id, content));
        }
        Ok(wasm_file::file(&first))
    }

    fn rest(&self) -> Result<Vec<u8>> {
        let mut rest = Vec::new();
        for (id, content) in self.module.sections {
            let content = match *id {
                TYPES => self.types(content)?,
                IMPORTS => self.rest_imports()?,
                FUNCTIONS => vector(self.types_of(self.moved.iter())?),
                ELEMENTS => self.rest_elements()?,
                CODE => {
                    let bodies = self.moved.iter().map(|function| {
                        self.check_segments(*function)?;
                        self.body(*function, &self.in_rest)
                    });
                    vector(bodies.collect::<Result<Vec<_>>>()?)
                }
                CUSTOM if Reader(content).name()? == "name" => self.names(&self.in_rest),
                _ => continue,
            };
            rest.push((*id, content));
        }
        Ok(wasm_file::file(&rest))
    }

    fn types(&self, content: &[u8]) -> Result<Vec<u8>> {
        if self.plain < self.module.types.len() {
            return Ok(content.to_vec());
        }
        let mut reader = Reader(content);
        let mut types = number(reader.number()? + 1);
        types.extend(reader.0);
        types.extend([0x60, 0, 0]);
        Ok(types)
    }

    fn types_of<'f>(&self, functions: impl Iterator<Item = &'f usize>) -> Result<Vec<Vec<u8>>> {
        functions.map(|function| self.module.own_function(*function).map(|(_, of_type, _)| number(of_type))).collect()
    }

    /// The type of a table, memory or global; of the table of functions with its new size.
    fn shared_type(&self, shared: &Shared) -> Result<Vec<u8>> {
        if (shared.kind, shared.index) != (TABLE, 0) {
            return Ok(shared.of_type.to_vec());
        }
        let mut reader = Reader(shared.of_type);
        let mut of_type = reader.take(2)?.to_vec();
        while !reader.0.is_empty() {
            put_number(&mut of_type, reader.number()? + self.added.len());
        }
        Ok(of_type)
    }

    fn first_exports(&self) -> Result<Vec<u8>> {
        let exports = self.all_exports().map(|(name, kind, at)| {
            let at = if *kind == FUNCTION { index(&self.in_first, *at)? } else { *at };
            Ok([named(name), vec![*kind], number(at)].concat())
        });
        Ok(vector(exports.collect::<Result<Vec<_>>>()?))
    }

    /// What the table holds until the rest is there.
    fn first_elements(&self) -> Result<Vec<u8>> {
        let added = self.added.iter().enumerate().map(|(slot, function)| (self.module.table_size + slot, *function));
        let slots = self.module.slots.iter().map(|(slot, function)| (*slot, *function)).chain(added);
        elements(slots, &self.in_first)
    }

    /// What the rest puts in its place.
    fn rest_elements(&self) -> Result<Vec<u8>> {
        let added = self.added.iter().enumerate().map(|(slot, function)| (self.module.table_size + slot, *function));
        let slots = self.module.slots.iter().map(|(slot, function)| (*slot, *function)).chain(added);
        elements(slots.filter(|(_, function)| self.moved.contains(function)), &self.in_rest)
    }

    fn rest_imports(&self) -> Result<Vec<u8>> {
        let mut imports: Vec<Vec<u8>> = self.imports.iter().map(|import| import.to_vec()).collect();
        for (function, slot) in &self.borrowed {
            let (_, of_type, _) = self.module.own_function(*function)?;
            imports.push([named(SLOTS), named(&slot.to_string()), vec![FUNCTION], number(of_type)].concat());
        }
        for shared in &self.module.shared {
            let name = self.export_name(shared.kind, shared.index)?;
            imports.push([named(FIRST), named(name), vec![shared.kind], self.shared_type(shared)?].concat());
        }
        Ok(vector(imports))
    }

    /// Loads the rest, and calls what is in the slot then.
    fn stub(&self, function: usize, slot: usize) -> Result<Vec<u8>> {
        let (_, of_type, _) = self.module.own_function(function)?;
        let (parameters, _) = self.module.types.get(of_type).context("a function of no type")?;
        let mut body = vec![0, CALL];
        put_number(&mut body, self.module.imports.len());
        for parameter in 0..*parameters {
            body.push(LOCAL_GET);
            put_number(&mut body, parameter);
        }
        put_constant(&mut body, slot);
        body.push(CALL_INDIRECT);
        put_number(&mut body, of_type);
        body.extend([0, END]);
        Ok(sized(&body))
    }

    fn body(&self, function: usize, indices: &BTreeMap<usize, usize>) -> Result<Vec<u8>> {
        let (function, ..) = self.module.own_function(function)?;
        let mut body = function.locals.to_vec();
        for instruction in &function.instructions {
            if instruction.code == CALL {
                body.push(CALL);
                put_number(&mut body, index(indices, instruction.operand()?)?);
            } else {
                body.extend(instruction.bytes);
            }
        }
        Ok(sized(&body))
    }

    /// Fails if a function of the rest needs a segment, which stays in the first part.
    fn check_segments(&self, function: usize) -> Result<()> {
        for instruction in &self.module.own_function(function)?.0.instructions {
            if instruction.code == PREFIX && OF_SEGMENTS.contains(&instruction.operand()?) {
                bail!("a function of the rest that copies from a segment");
            }
        }
        Ok(())
    }

    fn names(&self, indices: &BTreeMap<usize, usize>) -> Vec<u8> {
        let mut names: Vec<(usize, &String)> =
            self.module.names.iter().filter_map(|(function, name)| Some((*indices.get(function)?, name))).collect();
        names.sort_unstable();
        let names = vector(names.into_iter().map(|(function, name)| [number(function), named(name)].concat()));
        [named("name"), vec![1], sized(&names)].concat()
    }
}

/// Elements of the table: a segment for each run of slots.
fn elements(slots: impl Iterator<Item = (usize, usize)>, indices: &BTreeMap<usize, usize>) -> Result<Vec<u8>> {
    let slots: Vec<(usize, usize)> = slots.collect();
    let segments = slots.chunk_by(|(slot, _), (next, _)| slot + 1 == *next).map(|run| {
        let mut segment = number(0);
        put_constant(&mut segment, run.first().map_or(0, |(slot, _)| *slot));
        segment.push(END);
        let functions = run.iter().map(|(_, function)| index(indices, *function).map(number));
        segment.extend(vector(functions.collect::<Result<Vec<_>>>()?));
        Ok(segment)
    });
    Ok(vector(segments.collect::<Result<Vec<_>>>()?))
}

fn index(indices: &BTreeMap<usize, usize>, function: usize) -> Result<usize> {
    indices.get(&function).copied().with_context(|| format!("function {function} is in the other part"))
}

/// Appends `i32.const` of a number: with a sign, so the highest bit of the last byte is zero.
fn put_constant(wasm: &mut Vec<u8>, mut number: usize) {
    wasm.push(I32_CONST);
    while number >= 0x40 {
        wasm.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    wasm.push(number as u8);
}

fn number(number: usize) -> Vec<u8> {
    let mut wasm = Vec::new();
    put_number(&mut wasm, number);
    wasm
}

fn sized(content: &[u8]) -> Vec<u8> {
    let mut wasm = Vec::new();
    put_sized(&mut wasm, content);
    wasm
}

fn named(name: &str) -> Vec<u8> {
    sized(name.as_bytes())
}

/// Entries with their number before them.
fn vector(entries: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let entries: Vec<Vec<u8>> = entries.into_iter().collect();
    let mut wasm = number(entries.len());
    wasm.extend(entries.concat());
    wasm
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports `log`, exports `run`, and has `later` in its table. Each function is larger than a stub.
    ///
    /// ```text
    /// run(a, b)    = shared(add(a, b)) + table[1](a)
    /// add(a, b)    = a + b
    /// later(a)     = log(); helper(a)
    /// helper(a)    = shared(a) * 2
    /// shared(a)    = a + 1000
    /// ```
    fn module() -> Vec<u8> {
        let padding = [0x41, 7, 0x1a].repeat(8);
        let body = |instructions: &[u8]| sized(&[&[0], instructions, &[END]].concat());
        let get = |local| [LOCAL_GET, local];
        let call = |function| [CALL, function];
        let bodies = [
            body(
                &[&get(0)[..], &get(1), &call(2), &call(5), &get(0), &[I32_CONST, 1, CALL_INDIRECT, 1, 0, 0x6a]]
                    .concat(),
            ),
            body(&[&get(0)[..], &get(1), &[0x6a], &padding].concat()),
            body(&[&call(0)[..], &get(0), &call(4), &padding].concat()),
            body(&[&get(0)[..], &call(5), &[I32_CONST, 2, 0x6c], &padding].concat()),
            body(&[&get(0)[..], &[I32_CONST, 0xe8, 0x07, 0x6a], &padding].concat()),
        ];
        let named_functions = ["run", "add", "later", "helper", "shared"];
        let names = (1..).zip(named_functions).map(|(index, name)| [number(index), named(name)].concat());
        wasm_file::file(&[
            (TYPES, b"\x03\x60\x02\x7f\x7f\x01\x7f\x60\x01\x7f\x01\x7f\x60\x00\x00".to_vec()),
            (IMPORTS, b"\x01\x01a\x03log\x00\x02".to_vec()),
            (FUNCTIONS, vec![5, 0, 0, 1, 1, 1]),
            (TABLES, vec![1, 0x70, 1, 2, 2]),
            (MEMORIES, vec![1, 0, 1]),
            (GLOBALS, vec![1, 0x7f, 1, I32_CONST, 0x10, END]),
            (EXPORTS, b"\x02\x03run\x00\x01\x03mem\x02\x00".to_vec()),
            (ELEMENTS, vec![1, 0, I32_CONST, 1, END, 1, 3]),
            (CODE, vector(bodies)),
            (CUSTOM, [named("name"), vec![1], sized(&vector(names))].concat()),
        ])
    }

    const LATER: Rules = Rules { is_later: |name| name == "later", is_entry: |_| false };

    fn split_by(rules: &Rules) -> Split {
        split(&module(), rules).unwrap()
    }

    /// The names of a part's functions.
    fn names(wasm: &[u8]) -> Vec<String> {
        let sections = wasm_file::sections(wasm).unwrap();
        let (_, content) = sections.iter().find(|(id, _)| *id == CUSTOM).unwrap();
        let mut reader = Reader(content);
        reader.take(5 + 1).unwrap();
        let mut names = Reader(reader.sized().unwrap());
        (0..names.number().unwrap()).map(|_| names.number().and_then(|_| names.name()).unwrap()).collect()
    }

    /// What Node.js says that `run(a, b)` is, before the rest is there, while it is loaded by a stub, and once it is there;
    /// with how often it was loaded and how often `log` was called.
    fn run(split: &Split) -> Vec<i64> {
        let script = "
            const [first, rest, table] = process.argv.slice(1);
            const bytes = (hex) => Buffer.from(hex, 'hex');
            let logged = 0, loaded = 0, exports;
            const a = { log: () => logged++ };
            const link = () => {
              if (loaded) return;
              loaded++;
              const slots = new Proxy({}, { get: (_, slot) => exports[table].get(+slot) });
              new WebAssembly.Instance(new WebAssembly.Module(bytes(rest)), { a, first: exports, slots });
            };
            const imports = { a, load: { load: link } };
            exports = new WebAssembly.Instance(new WebAssembly.Module(bytes(first)), imports).exports;
            console.log(JSON.stringify([exports.run(3, 4), loaded, exports.run(30, 40), loaded, logged]));";
        let hex = |bytes: &[u8]| crate::dist::hex(bytes, usize::MAX);
        let mut node = crate::exec::command("node");
        node.args(["-e", script, "--", &hex(&split.first), &hex(&split.rest), &split.table]);
        serde_json::from_str(&crate::exec::output(&mut node).unwrap()).unwrap()
    }

    #[test]
    fn what_is_called_by_nothing_else_goes_with_a_function_and_all_answer_as_before() {
        let split = split_by(&LATER);
        assert_eq!(names(&split.rest), ["shared", "later", "helper"]);
        // 7 + 1000 + (3 + 1000) * 2, and 70 + 1000 + (30 + 1000) * 2.
        assert_eq!(run(&split), [3013, 1, 3130, 1, 2]);
    }

    #[test]
    fn an_entry_is_called_through_its_stub() {
        let split = split_by(&Rules { is_later: |name| name != "run", is_entry: |name| name == "add" });
        assert!(names(&split.rest).contains(&"add".to_owned()));
        assert_eq!(run(&split), [3013, 1, 3130, 1, 2]);
    }

    #[test]
    fn what_the_first_part_calls_and_is_no_entry_stays() {
        let split = split_by(&Rules { is_later: |name| name != "run", ..LATER });
        assert!(!names(&split.rest).contains(&"add".to_owned()));
        assert_eq!(run(&split), [3013, 1, 3130, 1, 2]);
    }

    #[test]
    fn what_is_broken_is_an_error() {
        let wasm = module();
        for end in [0, 7, 12, wasm.len() / 2, wasm.len() - 1] {
            assert!(split(&wasm[..end], &LATER).is_err(), "cut at {end}");
        }
        let references = [0, REF_FUNC, 0, 0x1a, END];
        let wasm = wasm_file::file(&[
            (TYPES, vec![1, 0x60, 0, 0]),
            (FUNCTIONS, vec![1, 0]),
            (CODE, vector([sized(&references)])),
        ]);
        assert!(split(&wasm, &LATER).is_err());
        let wasm = wasm_file::file(&[(IMPORTS, b"\x01\x01m\x01m\x02\x00\x01".to_vec())]);
        assert!(split(&wasm, &LATER).is_err());
    }
}
