//! The code in a wasm file: bodies of functions, and their instructions.
//!
//! Format: <https://webassembly.github.io/spec/core/binary/instructions.html>.

use crate::wasm_file::Reader;
use anyhow::{Context, Result, bail};

pub(crate) const END: u8 = 0x0b;
pub(crate) const CALL: u8 = 0x10;
pub(crate) const CALL_INDIRECT: u8 = 0x11;
pub(crate) const LOCAL_GET: u8 = 0x20;
pub(crate) const I32_CONST: u8 = 0x41;
pub(crate) const REF_FUNC: u8 = 0xd2;

/// A function's body.
pub(crate) struct Function<'a> {
    /// What it declares.
    pub(crate) locals: &'a [u8],
    pub(crate) instructions: Vec<Instruction<'a>>,
}

impl<'a> Function<'a> {
    /// Reads one; an error if an instruction is none that rustc writes for our target.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader(body);
        for _ in 0..reader.number()? {
            reader.number()?;
            reader.byte()?;
        }
        let (locals, _) = body.split_at(body.len() - reader.0.len());
        let mut instructions = Vec::new();
        while !reader.0.is_empty() {
            instructions.push(Instruction::read(&mut reader)?);
        }
        Ok(Self { locals, instructions })
    }
}

/// An instruction with its operands.
pub(crate) struct Instruction<'a> {
    /// What it does; its first byte.
    pub(crate) code: u8,
    /// All of it.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Instruction<'a> {
    /// Reads one; an error if it is none that rustc writes for our target.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let all = reader.0;
        let code = reader.byte()?;
        let numbers = match code {
            0x00 | 0x01 | 0x05 | END | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 | 0xd1 => 0,
            0x02..=0x04 | 0x0c | 0x0d | CALL | 0x20..=0x26 | 0x3f..=0x42 | 0xd0 | REF_FUNC => 1,
            0x11 | 0x28..=0x3e => 2,
            // A table of branches, and the one for all other cases.
            0x0e => reader.number()? + 1,
            0x1c => {
                let types = reader.number()?;
                reader.take(types).map(|_| 0)?
            }
            0x43 => reader.take(4).map(|_| 0)?,
            0x44 => reader.take(8).map(|_| 0)?,
            0xfc => match reader.number()? {
                0..=7 => 0,
                8 | 10 | 12 | 14 => 2,
                9 | 11 | 13 | 15..=17 => 1,
                other => bail!("instruction 0xfc {other}, which is unknown"),
            },
            other => bail!("instruction {other:#04x}, which is unknown"),
        };
        for _ in 0..numbers {
            // Signed or not, of any size.
            while reader.byte()? & 0x80 != 0 {}
        }
        let (bytes, _) = all.split_at(all.len() - reader.0.len());
        Ok(Self { code, bytes })
    }

    /// It, unless it ends a body.
    pub(crate) fn unless_end(self) -> Option<Self> {
        (self.code != END).then_some(self)
    }

    /// Its first operand, as a number without a sign.
    pub(crate) fn operand(&self) -> Result<usize> {
        let (_, operands) = self.bytes.split_first().context("an instruction of no bytes")?;
        Reader(operands).number()
    }

    /// The alignment that an access of its kind mostly has, as a power of two: the number of bytes that it is of.
    pub(crate) fn natural_alignment(&self) -> Option<u8> {
        match self.code {
            0x2c | 0x2d | 0x30 | 0x31 | 0x3a | 0x3c => Some(0),
            0x2e | 0x2f | 0x32 | 0x33 | 0x3b | 0x3d => Some(1),
            0x28 | 0x2a | 0x34..=0x36 | 0x38 | 0x3e => Some(2),
            0x29 | 0x2b | 0x37 | 0x39 => Some(3),
            _ => None,
        }
    }
}
