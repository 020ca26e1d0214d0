/**
 * Which files belong to a part of a dataset, by its card: the field `configs` in its head.
 * (https://huggingface.co/docs/hub/datasets-manual-configuration)
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { DatasetError } from "../../../errors.ts";
import { FORMAT_ENDINGS, formatEnding, readableEndings } from "../formats/rows.ts";
import { globTest } from "./globs.ts";
import { filesOfSplit } from "./splits.ts";

/** The part of a dataset that is wanted. */
export interface DatasetPart {
  /** The configuration, where the dataset has several. */
  readonly config: string | undefined;
  /** Such as "train". */
  readonly split: string;
}

/** What is in a repository beside its data. */
const NO_DATA =
  /(^|\/)((\.|__)[^/]*|README\.md|dataset_(infos?|dict)\.json|andromeda_dataset\.json|config\.json)(\/|$)/i;

/**
 * The files of a part, in the order in which the card names them. Without a card that does, names of files say it; then
 * a configuration is a folder.
 *
 * @param names The paths of all files.
 * @param place The dataset, for messages.
 * @throws {DatasetError} Where there is no such part, or none of the files that it is to have.
 */
export function filesOfPart(
  card: Readonly<Record<string, unknown>>,
  names: readonly string[],
  { config, split }: DatasetPart,
  place: string,
): string[] {
  const configs = Array.isArray(card["configs"]) ? card["configs"].filter(isRecord) : [];
  const data = names.filter((name) => !NO_DATA.test(name));
  const byNames = (folder: string) => filesOfSplit(ofOneFormat(inFolder(data, folder, place), place), split, place);
  if (configs.length === 0) return byNames(config === undefined || config === "default" ? "" : config);
  const { data_files: files, data_dir: folder } = chooseConfig(configs, config, place);
  const within = typeof folder === "string" ? folder.replace(/^(\.?\/)+|\/+$/g, "") : "";
  if (files === undefined || files === null) return byNames(within);
  const splits = patternsBySplit(files, place);
  const patterns = splits.get(split);
  if (!patterns) {
    const known = [...splits.keys()].map((name) => JSON.stringify(name)).join(", ");
    throw new DatasetError(`Cannot read the split ${JSON.stringify(split)} of ${place}: it has ${known}`);
  }
  const found = patterns.flatMap((pattern) => matching(within === "" ? pattern : `${within}/${pattern}`, names, place));
  return [...new Set(found)];
}

/**
 * The files of the format that most are of, and of two the one that tells more of itself: notes and descriptions may
 * stand beside them. Where there is anything else, Markdown is such a note.
 */
function ofOneFormat(names: readonly string[], place: string): string[] {
  const formats = FORMAT_ENDINGS.map((ending) => ({
    files: names.filter((name) => formatEnding(name) === ending),
    isNote: ending === ".md",
  })).filter(({ files }) => files.length > 0);
  const [most] = formats.toReversed().toSorted((a, b) =>
    Number(a.isNote) - Number(b.isNote) || b.files.length - a.files.length
  );
  if (most) return most.files;
  throw new DatasetError(`Cannot read texts from ${place}: none of its files ends with ${readableEndings()}`);
}

function inFolder(names: readonly string[], folder: string, place: string): readonly string[] {
  if (folder === "") return names;
  const inside = names.filter((name) => name.startsWith(`${folder}/`));
  if (inside.length > 0) return inside;
  throw new DatasetError(
    `Cannot read ${
      JSON.stringify(folder)
    } of ${place}: its card names no such configuration, and it has no such folder`,
  );
}

/** The configuration of a name, or the one that is meant without a name. */
function chooseConfig(
  configs: readonly Readonly<Record<string, unknown>>[],
  name: string | undefined,
  place: string,
): Readonly<Record<string, unknown>> {
  const named = (wanted: string) => configs.find(({ config_name: each = "default" }) => each === wanted);
  const only = configs.length === 1 ? configs[0] : undefined;
  const chosen = name === undefined
    ? configs.find((each) => each["default"] === true) ?? named("default") ?? only
    : named(name);
  if (chosen) return chosen;
  const known = configs.map(({ config_name: each }) => JSON.stringify(each)).join(", ");
  if (name === undefined) {
    throw new DatasetError(`Cannot read ${place}: it has several configurations; name one of ${known} as config`);
  }
  throw new DatasetError(`Cannot read the configuration ${JSON.stringify(name)} of ${place}: it has ${known}`);
}

/** The patterns of each split: `data_files` is a pattern, a list of them, or says which are for which split. */
function patternsBySplit(files: unknown, place: string): Map<string, string[]> {
  const patternsOf = (value: unknown): string[] => {
    const list = Array.isArray(value) ? value : [value];
    if (list.every((each) => typeof each === "string")) return list;
    throw new DatasetError(`Cannot read the card of ${place}: data_files has a path that is no text`);
  };
  if (isRecord(files)) return new Map(Object.entries(files).map(([split, paths]) => [split, patternsOf(paths)]));
  if (!Array.isArray(files) || !files.every(isRecord)) return new Map([["train", patternsOf(files)]]);
  const splits = new Map<string, string[]>();
  for (const { split = "train", path } of files) {
    splits.set(String(split), [...splits.get(String(split)) ?? [], ...patternsOf(path)]);
  }
  return splits;
}

function matching(pattern: string, names: readonly string[], place: string): string[] {
  const found = names.filter(globTest(pattern));
  if (found.length > 0) return found;
  throw new DatasetError(`Cannot find the files ${JSON.stringify(pattern)} of ${place}, which its card names`);
}
