//! Reading a wasm file, as far as we check one.
//!
//! Format: <https://webassembly.github.io/spec/core/binary/modules.html>.

use anyhow::{Context, Result, bail};

/// The section of imports.
const IMPORTS: u8 = 2;

/// The names of the modules that a wasm imports from, each once.
///
/// `env` among them means that something called a C function that nobody links: it would fail in the browser only, when
/// the module is loaded.
pub(crate) fn imported_modules(wasm: &[u8]) -> Result<Vec<String>> {
    let Some(mut rest) = wasm.strip_prefix(b"\0asm\x01\0\0\0").map(Reader) else {
        bail!("not a wasm file of version 1");
    };
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let size = rest.number()?;
        let section = rest.take(size)?;
        if id == IMPORTS {
            return Reader(section).imports();
        }
    }
    Ok(Vec::new())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn imports(&mut self) -> Result<Vec<String>> {
        let mut modules = Vec::new();
        for _ in 0..self.number()? {
            let module = self.name()?;
            self.name()?;
            self.import_type()?;
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
        Ok(modules)
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

    fn limits(&mut self) -> Result<()> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 == 1 {
            self.number()?;
        }
        Ok(())
    }

    fn name(&mut self) -> Result<String> {
        let size = self.number()?;
        String::from_utf8(self.take(size)?.to_vec()).context("a name that is not UTF-8")
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> Result<usize> {
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

    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().context("the file ends too early")?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8]> {
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
