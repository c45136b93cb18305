//! Reading a wasm file, as far as we check or change one.
//!
//! Format: <https://webassembly.github.io/spec/core/binary/modules.html>.

use anyhow::{Context, Result, bail};

/// What a file begins with: its kind and version.
const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";

// The ids of sections.
pub(crate) const CUSTOM: u8 = 0;
pub(crate) const TYPES: u8 = 1;
pub(crate) const IMPORTS: u8 = 2;
pub(crate) const FUNCTIONS: u8 = 3;
pub(crate) const TABLES: u8 = 4;
pub(crate) const MEMORIES: u8 = 5;
pub(crate) const GLOBALS: u8 = 6;
pub(crate) const EXPORTS: u8 = 7;
pub(crate) const START: u8 = 8;
pub(crate) const ELEMENTS: u8 = 9;
pub(crate) const CODE: u8 = 10;

/// A section: its id and its content.
pub(crate) type Section = (u8, Vec<u8>);

/// The names of the modules that a wasm imports from, each once.
///
/// `env` among them means that something called a C function that nobody links: it would fail in the browser only, when
/// the module is loaded.
pub(crate) fn imported_modules(wasm: &[u8]) -> Result<Vec<String>> {
    let mut modules = Vec::new();
    for (id, content) in sections(wasm)? {
        if id == IMPORTS {
            let mut reader = Reader(&content);
            for _ in 0..reader.number()? {
                let (module, _) = reader.import()?;
                if !modules.contains(&module) {
                    modules.push(module);
                }
            }
        }
    }
    Ok(modules)
}

/// The sections of a wasm, in their order.
pub(crate) fn sections(wasm: &[u8]) -> Result<Vec<Section>> {
    let Some(mut rest) = wasm.strip_prefix(PREAMBLE).map(Reader) else {
        bail!("not a wasm file of version 1");
    };
    let mut sections = Vec::new();
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let size = rest.number()?;
        sections.push((id, rest.take(size)?.to_vec()));
    }
    Ok(sections)
}

/// The wasm that consists of these sections.
pub(crate) fn file(sections: &[Section]) -> Vec<u8> {
    let mut wasm = PREAMBLE.to_vec();
    for (id, content) in sections {
        wasm.push(*id);
        put_sized(&mut wasm, content);
    }
    wasm
}

/// The wasm without those of its exports that are not wanted. What only they needed is still there: that is for wasm-opt to
/// find.
pub(crate) fn retain_exports(wasm: &[u8], is_wanted: impl Fn(&str) -> bool) -> Result<Vec<u8>> {
    let mut sections = sections(wasm)?;
    for (_, content) in sections.iter_mut().filter(|(id, _)| *id == EXPORTS) {
        let mut reader = Reader(content);
        let mut kept = Vec::new();
        for _ in 0..reader.number()? {
            let before = reader.0;
            let name = reader.name()?;
            reader.byte()?;
            reader.number()?;
            if is_wanted(&name) {
                kept.push(before.split_at(before.len() - reader.0.len()).0);
            }
        }
        let mut rest = Vec::new();
        put_number(&mut rest, kept.len());
        rest.extend(kept.concat());
        *content = rest;
    }
    Ok(file(&sections))
}

/// Appends a number as unsigned LEB128.
pub(crate) fn put_number(wasm: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            wasm.push(low);
            return;
        }
        wasm.push(low | 0x80);
    }
}

/// Appends bytes with their number before them.
pub(crate) fn put_sized(wasm: &mut Vec<u8>, content: &[u8]) {
    put_number(wasm, content.len());
    wasm.extend(content);
}

/// What is still to be read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The module of an import, and whether it is a function.
    pub(crate) fn import(&mut self) -> Result<(String, bool)> {
        let module = self.name()?;
        self.name()?;
        let is_function = self.0.first() == Some(&0);
        self.import_type()?;
        Ok((module, is_function))
    }

    fn import_type(&mut self) -> Result<()> {
        match self.byte()? {
            // A function's type.
            0 => self.number().map(drop),
            // A table: type of its elements, limits.
            1 => self.byte().and_then(|_| self.limits()),
            // A memory.
            2 => self.limits(),
            // A global: type, whether it can change.
            3 => self.take(2).map(drop),
            // A tag: attribute, type.
            4 => self.byte().and_then(|_| self.number()).map(drop),
            other => bail!("an import of kind {other}, which is unknown"),
        }
    }

    /// Skips the limits of a table or memory.
    pub(crate) fn limits(&mut self) -> Result<()> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 == 1 {
            self.number()?;
        }
        Ok(())
    }

    pub(crate) fn name(&mut self) -> Result<String> {
        let size = self.number()?;
        String::from_utf8(self.take(size)?.to_vec()).context("a name that is not UTF-8")
    }

    /// An unsigned LEB128 number.
    pub(crate) fn number(&mut self) -> Result<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("a number that does not end")
    }

    /// Bytes with their number before them.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8]> {
        let size = self.number()?;
        self.take(size)
    }

    /// What `read` reads, and the bytes that it takes for that.
    pub(crate) fn taken<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, &'a [u8])> {
        let before = self.0;
        let value = read(self)?;
        Ok((value, before.split_at(before.len() - self.0.len()).0))
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().context("the file ends too early")?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(size).context("the file ends too early")?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports one thing of each kind: `{kind} from {module}`.
    fn module(imports: &[(&str, &[u8])]) -> Vec<u8> {
        let mut section = vec![u8::try_from(imports.len()).unwrap()];
        for (module, kind) in imports {
            section.push(u8::try_from(module.len()).unwrap());
            section.extend(module.as_bytes());
            section.extend(b"\x01x");
            section.extend(*kind);
        }
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        // A custom section first, as compilers write them anywhere.
        wasm.extend([0, 2, 1, b'c']);
        wasm.extend([IMPORTS, u8::try_from(section.len()).unwrap()]);
        wasm.extend(section);
        wasm
    }

    #[test]
    fn names_each_module_once_whatever_is_imported() {
        let wasm = module(&[
            ("wbg", &[0, 7]),
            ("wbg", &[3, 0x7f, 1]),
            ("mem", &[2, 1, 1, 2]),
            ("tab", &[1, 0x70, 0, 1]),
            ("tag", &[4, 0, 3]),
            ("env", &[0, 0]),
        ]);
        assert_eq!(imported_modules(&wasm).unwrap(), ["wbg", "mem", "tab", "tag", "env"]);
    }

    #[test]
    fn exports_that_are_not_wanted_are_gone_and_nothing_else() {
        let wasm = |exports: &[u8]| [PREAMBLE, &[1, 1, 0, EXPORTS, exports.len() as u8], exports, &[10, 1, 0]].concat();
        let all = wasm(b"\x03\x01a\x00\x05\x02bc\x02\x00\x01d\x00\x81\x01");
        assert_eq!(retain_exports(&all, |name| name != "bc").unwrap(), wasm(b"\x02\x01a\x00\x05\x01d\x00\x81\x01"));
        assert_eq!(retain_exports(&all, |_| true).unwrap(), all);
    }

    #[test]
    fn a_module_without_imports_names_none() {
        assert!(imported_modules(b"\0asm\x01\0\0\0").unwrap().is_empty());
    }

    #[test]
    fn a_broken_file_is_an_error_and_not_a_pass() {
        let wasm = module(&[("env", &[0, 0])]);
        for end in [0, 4, 9, wasm.len() - 1] {
            assert!(imported_modules(&wasm[..end]).is_err(), "cut at {end}");
        }
    }
}
