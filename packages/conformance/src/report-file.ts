import type { Report } from "./report.js";
import { reportHtml } from "./report-html.js";
import { reportMarkdown } from "./report-markdown.js";
import { reportJson } from "./report-text.js";

/** The kinds of a report, by the ending of a file's name. */
const KINDS: Readonly<Record<string, (report: Report | readonly Report[]) => string>> = {
  ".json": reportJson,
  ".md": reportMarkdown,
  ".html": reportHtml,
};

/** The endings that {@link reportForFile} knows. */
export const REPORT_ENDINGS: readonly string[] = Object.freeze(Object.keys(KINDS));

/**
 * What to write into a file of this name: JSON, Markdown or one HTML page, by its ending. Of one report or several. Undefined
 * where the ending is another.
 */
export function reportForFile(name: string, report: Report | readonly Report[]): string | undefined {
  const ending = REPORT_ENDINGS.find((one) => name.toLowerCase().endsWith(one));
  return ending === undefined ? undefined : KINDS[ending]?.(report);
}
