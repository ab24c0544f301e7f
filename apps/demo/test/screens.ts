/** What the tests measure on a page: colours, layout shifts, the order of Tab, what is in sight. */
import type { BrowserContext, Page } from "playwright-core";

/** The screens of the tests. */
export const SCREENS = [
  { screen: "a laptop", width: 1280, height: 800 },
  { screen: "a phone", width: 390, height: 844 },
] as const;

/** A change of the layout that no input of a visitor caused, with the places before and after. */
export interface Shift {
  readonly score: number;
  readonly moved: readonly string[];
}

declare global {
  interface Window {
    layoutShifts: Shift[];
  }
}

/** The entries of the browser's own measurement. The types of TypeScript have no `LayoutShift`. */
interface ShiftEntry extends PerformanceEntry {
  readonly value: number;
  readonly hadRecentInput: boolean;
  readonly sources: readonly {
    readonly node: Node | null;
    readonly previousRect: DOMRectReadOnly;
    readonly currentRect: DOMRectReadOnly;
  }[];
}

/** Records the layout shifts of each page of the context, from before the page's first script. */
export async function recordShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    window.layoutShifts = [];
    const nameOf = (node: Node | null): string =>
      node instanceof Element
        ? `${node.tagName}#${node.id}.${node.getAttribute("class")}`
        : `${node?.nodeName}`;
    const placeOf = ({ x, y, width, height }: DOMRectReadOnly): string =>
      [x, y, width, height].map(Math.round).join(" ");
    const record = (entry: ShiftEntry): void => {
      if (entry.hadRecentInput) return;
      const moved = entry.sources.map(
        ({ node, previousRect, currentRect }) =>
          `${nameOf(node)}: ${placeOf(previousRect)} -> ${placeOf(currentRect)}`,
      );
      window.layoutShifts.push({ score: entry.value, moved });
    };
    const observer = new PerformanceObserver((list) => (list.getEntries() as ShiftEntry[]).forEach(record));
    observer.observe({ type: "layout-shift", buffered: true });
  });
}

export function shiftsOf(page: Page): Promise<Shift[]> {
  return page.evaluate(() => window.layoutShifts);
}

/** Presses a button by script, because the browser does not count what moves within half a second of a real click. */
export async function pressByScript(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).first().dispatchEvent("click");
}

export interface Colours {
  readonly background: string;
  readonly text: string;
  /** Each visible text with less contrast than WCAG 2.2 AA requires, and its contrast. */
  readonly faint: readonly string[];
}

/** The colours of a page. Controls that can't be used now are left out, as in WCAG. */
export function coloursOf(page: Page): Promise<Colours> {
  return page.evaluate(() => {
    type Rgba = readonly [number, number, number, number];
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
    const rgba = (colour: string): Rgba => {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    };
    const over = (top: Rgba, below: Rgba): Rgba => {
      const mix = (index: 0 | 1 | 2): number => top[index] * top[3] + below[index] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const luminance = (colour: Rgba): number => {
      const [red = 0, green = 0, blue = 0] = colour
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const backgroundOf = (element: Element | null): Rgba => {
      if (element === null) return [255, 255, 255, 1];
      const own = rgba(getComputedStyle(element).backgroundColor);
      return own[3] === 1 ? own : over(own, backgroundOf(element.parentElement));
    };
    const opacityOf = (element: Element | null): number =>
      element === null ? 1 : Number(getComputedStyle(element).opacity) * opacityOf(element.parentElement);
    const contrastOf = (element: Element, style: CSSStyleDeclaration, opacity: number): number => {
      const background = backgroundOf(element);
      const [red, green, blue, alpha] = rgba(style.color);
      const text = over([red, green, blue, alpha * opacity], background);
      const [first, second] = [luminance(text), luminance(background)];
      return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
    };
    const faint: string[] = [];
    const check = (element: Element, pseudo: string | undefined, text: string): void => {
      const style = getComputedStyle(element, pseudo);
      const opacity = opacityOf(element) * (pseudo === undefined ? 1 : Number(style.opacity));
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const contrast = contrastOf(element, style, opacity);
      if (contrast < (isLarge ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)}: ${text}`);
    };
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("[aria-disabled=true], :disabled, .asleep, noscript, svg, canvas") !== null)
        continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const text = [...element.childNodes]
        .flatMap((node) => (node.nodeType === Node.TEXT_NODE ? [node.textContent ?? ""] : []))
        .join("")
        .trim();
      if (text !== "") check(element, undefined, text);
      if (element instanceof HTMLInputElement && element.placeholder !== "")
        check(element, "::placeholder", element.placeholder);
    }
    const { backgroundColor, color } = getComputedStyle(document.body);
    return { background: backgroundColor, text: color, faint };
  });
}

/** Counts the pixels of the chart that have the present colour of this custom property. */
export function chartPixels(page: Page, property: string): Promise<number> {
  return page.evaluate((name) => {
    const chart = document.querySelector<HTMLCanvasElement>("#chart canvas");
    if (chart === null) return 0;
    const { width, height } = chart;
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const context = copy.getContext("2d", { willReadFrequently: true })!;
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    context.fillRect(0, 0, 1, 1);
    const expected = context.getImageData(0, 0, 1, 1).data;
    context.clearRect(0, 0, 1, 1);
    context.drawImage(chart, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    let count = 0;
    for (let at = 0; at < pixels.length; at += 4)
      if ([0, 1, 2, 3].every((part) => Math.abs((pixels[at + part] ?? 0) - (expected[part] ?? 0)) <= 2))
        count += 1;
    return count;
  }, property);
}

export interface Stop {
  /** The element's role, name or id, for a person. */
  readonly name: string;
  /** What is wrong: no visible focus, or something covers the element. */
  readonly fault: string;
}

/** Presses Tab through the whole page, and returns each element that got the focus, in order. */
export async function tabThrough(page: Page): Promise<Stop[]> {
  await page.evaluate(() => {
    document.querySelectorAll("[data-stop]").forEach((element) => element.removeAttribute("data-stop"));
    // Otherwise Tab would begin where the last click was.
    const start = document.createElement("span");
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();
    start.remove();
  });
  const stops: Stop[] = [];
  for (;;) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate((number) => {
      const element = document.activeElement;
      if (element === null || element === document.body || element.hasAttribute("data-stop"))
        return undefined;
      element.setAttribute("data-stop", String(number));
      // A radio button is drawn by its label.
      const shown =
        element instanceof HTMLInputElement && element.type === "radio" ? element.closest("label")! : element;
      const { outlineStyle, outlineWidth } = getComputedStyle(shown);
      const { left, top, width, height } = shown.getBoundingClientRect();
      const middle = document.elementFromPoint(left + width / 2, top + Math.min(height / 2, innerHeight / 4));
      const faults = [
        outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2 ? [] : ["no visible focus"],
        shown.contains(middle)
          ? []
          : [`covered by ${middle?.outerHTML.slice(0, 80) ?? "the edge of the screen"}`],
      ].flat();
      const name = element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 40) ?? "";
      return {
        name: `${element.tagName.toLowerCase()} ${name === "" ? element.id : name}`,
        fault: faults.join(", "),
      };
    }, stops.length);
    if (stop === undefined) return stops;
    stops.push(stop);
  }
}

/** The visible controls that Tab did not reach in `tabThrough`. Of a group of radio buttons Tab reaches one. */
export function unreached(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("button, a[href], input, select, textarea, summary, [tabindex='0']")]
      .filter(
        (element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled"),
      )
      .filter((element) => !element.hasAttribute("data-stop"))
      .filter((element) => element.closest("fieldset:has([type=radio][data-stop])") === null)
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

/** Whether the strip "What just happened" is on the screen, whole, and nothing is over it. */
export function seesHappened(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const strip = document.querySelector(".happened");
    if (strip === null) return false;
    const { left, top, bottom, width, height } = strip.getBoundingClientRect();
    const isWhole = top >= 0 && bottom <= innerHeight + 1;
    const middle = document.elementFromPoint(left + width / 2, top + height / 2);
    return isWhole && strip.contains(middle);
  });
}

/** By how many pixels the page is wider than the screen. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/** Each text that sticks out of the box that it is in. A text that is cut with an ellipsis does not. */
export function stickingOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      const element = text.parentElement;
      const box = element?.closest("button, li, .node, .panel, .happened");
      if (element?.checkVisibility() !== true || !box) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const shown = getComputedStyle(element).textOverflow === "ellipsis" ? element : range;
      if (shown.getBoundingClientRect().right > box.getBoundingClientRect().right + 1)
        found.push(`${element.tagName}#${element.id}: ${text.textContent?.slice(0, 40)}`);
    }
    return found;
  });
}
