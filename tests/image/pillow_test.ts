/**
 * Files of all kinds that Pillow (libjpeg-turbo and zlib) reads, against its pixels. Kinds that it does not write come
 * from kinds that it does: a header that is changed so that the number of blocks stays the same is a right file of
 * another kind.
 */

import { assert, assertEquals } from "@std/assert";
import { decodeImage } from "../../data/image/decode.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { bytesOf } from "./expected.ts";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
}

/** The scripts begin alike: `case(name, file)` notes a file with the pixels that Pillow makes of it. */
const PRELUDE = `
import base64, io, json, struct, zlib
import numpy as np
from PIL import Image, ImageOps
random = np.random.default_rng(1)
cases = []
def text(data): return base64.b64encode(bytes(data)).decode()
def case(name, file):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")
    cases.append({"name": name, "file": text(file), "width": image.width, "height": image.height, "rgb": text(image.tobytes())})
def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 5 + y / 7), np.cos(x / 3), np.sin(y / 4 - x / 9)], axis=-1)
    return (127.5 + 90 * waves + random.normal(0, 25, waves.shape)).clip(0, 255).astype(np.uint8)
`;

const JPEG_FILES = PRELUDE + `
def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()
def header(file):
    at = 2
    while file[at + 1] not in (0xC0, 0xC1, 0xC2): at += 2 + struct.unpack(">H", file[at + 2:at + 4])[0]
    return at
def changed(file, width=None, height=None, factors=None, ids=None, marker=None):
    file, at = bytearray(file), header(file)
    if marker: file[at + 1] = marker
    if height: file[at + 5:at + 7] = struct.pack(">H", height)
    if width: file[at + 7:at + 9] = struct.pack(">H", width)
    for i, factor in enumerate(factors or []): file[at + 11 + 3 * i] = factor
    if ids:
        scan = file.index(b"\\xff\\xda")
        for i, id in enumerate(ids): file[at + 10 + 3 * i] = file[scan + 5 + 2 * i] = id
    return bytes(file)
def without(file, marker):
    at = 2
    while file[at + 1] != marker: at += 2 + struct.unpack(">H", file[at + 2:at + 4])[0]
    return file[:at] + file[at + 2 + struct.unpack(">H", file[at + 2:at + 4])[0]:]

for width, height in [(1, 1), (2, 3), (3, 2), (8, 8), (16, 16), (17, 33), (40, 28), (5, 50), (47, 31)]:
    image = Image.fromarray(picture(width, height))
    for quality in (30, 75, 98):
        for progressive in (False, True):
            kind = f"{width}x{height} q{quality}" + (" progressive" if progressive else "")
            options = dict(quality=quality, progressive=progressive)
            for subsampling in (0, 1, 2): case(f"{kind} {subsampling}", jpeg(image, subsampling=subsampling, **options))
            case(f"{kind} gray", jpeg(image.convert("L"), **options))
            case(f"{kind} rgb", jpeg(image, keep_rgb=True, **options))
            cmyk = Image.merge("CMYK", [*image.split(), Image.fromarray(picture(width, height)[..., 0])])
            case(f"{kind} cmyk", jpeg(cmyk, **options))
            case(f"{kind} restarts", jpeg(image, restart_marker_blocks=2, **options))

image = Image.fromarray(picture(64, 48))
file = jpeg(image, subsampling=1, quality=90)
case("4:4:0", changed(file, 32, 96, (0x12, 0x11, 0x11)))
case("4:4:0, odd", changed(file, 31, 95, (0x12, 0x11, 0x11)))
file = jpeg(image, subsampling=2, quality=90)
case("4:1:1", changed(file, 128, 24, (0x41, 0x11, 0x11)))
case("4:1:1, odd", changed(file, 125, 19, (0x41, 0x11, 0x11)))
case("4 rows a sample", changed(file, 32, 96, (0x14, 0x11, 0x11)))
file = jpeg(image, keep_rgb=True)
case("RGB told by its component names", without(file, 0xEE))
case("neither JFIF nor Adobe, other names", changed(without(file, 0xEE), ids=(4, 7, 9)))
file = without(jpeg(image), 0xE0)
case("neither JFIF nor Adobe", file)
case("extended", changed(file, marker=0xC1))
file = bytearray(jpeg(Image.merge("CMYK", [*image.split(), image.split()[1]])))
case("CMYK without Adobe", without(bytes(file), 0xEE))
file[file.index(b"Adobe") + 11] = 2
case("YCCK", bytes(file))
case("gray of factors 2x2", changed(jpeg(image.convert("L")), factors=(0x22,)))
file = jpeg(image)
while b"\\xff\\xc4" in file: file = without(file, 0xC4)
case("standard tables, left out", file)
film = io.BytesIO()
image.save(film, "MPO", save_all=True, append_images=[image.rotate(90)])
case("several images", film.getvalue())
case("with a profile and a comment", jpeg(image, icc_profile=bytes(200_000), comment=b"\\xff\\xd9"))
exact = jpeg(image, quality=85, optimize=True)
case("optimized tables", exact)
case("bytes before the end", exact[:-2] + b"\\0\\0\\0" + exact[-2:])
case("filled markers", exact[:2] + exact[2:].replace(b"\\xff\\xda", b"\\xff\\xff\\xff\\xda").replace(b"\\xff\\xd9", b"\\xff\\xff\\xd9"))
case("bytes behind the end", exact + b"trailer")
tables = jpeg(image, qtables=[[k % 7 + 300 if k > 9 else 2 for k in range(64)]] * 2)
case("tables of 16 bits", tables)
for orientation in range(1, 9):
    for order in (b"II", b"MM"):
        for kind, size in ((3, "H"), (4, "L")):
            end = "<" if order == b"II" else ">"
            value = struct.pack(end + size, orientation).ljust(4, b"\\0")
            tiff = order + struct.pack(end + "HLHHHL", 42, 8, 1, 0x0112, kind, 1) + value + bytes(4)
            case(f"orientation {orientation} {order} type {kind}", jpeg(image, exif=b"Exif\\0\\0" + tiff))
    case(f"orientation {orientation} by XMP", jpeg(image, xmp=f'<x tiff:Orientation="{orientation}"/>'.encode()))
print(json.dumps(cases))
`;

const PNG_FILES = PRELUDE + `
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
def filtered(rows, distance):
    """Every row by the next of the five filters."""
    above, result = bytes(len(rows[0]) if rows else 0), b""
    for number, row in enumerate(rows):
        kind = number % 5
        line = bytearray([kind])
        for i, byte in enumerate(row):
            a = row[i - distance] if i >= distance else 0
            b, c = above[i], above[i - distance] if i >= distance else 0
            p = a + b - c
            nearest = min((a, b, c), key=lambda v: abs(p - v))
            line.append((byte - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
        result, above = result + bytes(line), row
    return result
def packed(samples, depth):
    """Samples (rows, columns) as rows of bytes."""
    if depth == 16: return [row.astype(">u2").tobytes() for row in samples]
    bits = (samples[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    return [np.packbits(row.reshape(-1)).tobytes() for row in bits.astype(np.uint8)]
def png(width, height, depth, color, interlaced=False, extra=b"", behind=b"", parts=1):
    channels = CHANNELS[color]
    samples = random.integers(0, 7 if color == 3 and depth > 2 else 2 ** depth, (height, width, channels))
    raw = b""
    for x, y, across, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::down, x::across]
        if part.size: raw += filtered(packed(part.reshape(part.shape[0], -1), depth), max(1, channels * depth // 8))
    data = zlib.compress(raw)
    step = -(-len(data) // parts)
    idat = b"".join(chunk(b"IDAT", data[i:i + step]) for i in range(0, len(data), step))
    palette = chunk(b"PLTE", bytes(random.integers(0, 256, 3 * min(7, 2 ** depth) if depth > 2 else 3 * 2 ** depth, dtype=np.uint8))) if color == 3 else b""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    return b"\\x89PNG\\r\\n\\x1a\\n" + header + palette + extra + idat + behind + chunk(b"IEND", b"")

KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
for color, depth in KINDS:
    for width, height in [(1, 1), (3, 2), (13, 9), (9, 17), (33, 40)]:
        for interlaced in (False, True):
            case(f"{color} {depth} {width}x{height} {interlaced}", png(width, height, depth, color, interlaced))
case("many parts", png(20, 20, 8, 2, parts=200))
case("transparent color", png(9, 9, 8, 2, extra=chunk(b"tRNS", bytes(6))))
case("transparent entries", png(9, 9, 2, 3, extra=chunk(b"tRNS", b"\\0\\x80")))
case("gamma and background", png(9, 9, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"bKGD", bytes(6))))
case("animated", png(9, 9, 8, 2, extra=chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 9, 9, 0, 0, 1, 1, 0, 0))))
for orientation in range(1, 9):
    tiff = b"MM" + struct.pack(">HLHHHLHHL", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    xmp = f"<x><tiff:Orientation>{orientation}</tiff:Orientation></x>".encode()
    profile = b"\\nexif\\n" + str(len(tiff) + 6).encode() + b"\\n" + (b"Exif\\0\\0" + tiff).hex().encode() + b"\\n"
    name = b"Raw profile type exif\\0"
    case(f"orientation {orientation}", png(13, 9, 8, 2, extra=chunk(b"eXIf", tiff)))
    case(f"orientation {orientation} behind", png(13, 9, 8, 2, behind=chunk(b"eXIf", tiff)))
    case(f"orientation {orientation} zTXt", png(13, 9, 8, 2, extra=chunk(b"zTXt", name + b"\\0" + zlib.compress(profile))))
    case(f"orientation {orientation} tEXt", png(13, 9, 8, 2, extra=chunk(b"tEXt", name + profile)))
    for flag, content in ((b"\\0", xmp), (b"\\1", zlib.compress(xmp))):
        data = b"XML:com.adobe.xmp\\0" + flag + b"\\0\\0\\0" + content
        case(f"orientation {orientation} iTXt {flag}", png(13, 9, 8, 2, extra=chunk(b"iTXt", data)))
print(json.dumps(cases))
`;

for (const [kind, script, least] of [["JPEG", JPEG_FILES, 400], ["PNG", PNG_FILES, 190]] as const) {
  pythonTest(`${kind} files of all kinds have Pillow's pixels to the bit`, ["PIL", "numpy"], async () => {
    const cases = await runPython<readonly Case[]>(script);
    assert(cases.length >= least, `${cases.length} cases`);
    for (const { name, file, width, height, rgb } of cases) {
      const image = await decodeImage(new Uint8Array(bytesOf(file)));
      assertEquals([image.width, image.height], [width, height], name);
      assertEquals(image.data, bytesOf(rgb), name);
    }
  });
}
