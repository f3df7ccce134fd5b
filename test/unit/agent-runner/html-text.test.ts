import { describe, expect, test } from "vitest";
import { htmlToText } from "../../../agent-runner/src/tools/html-text.ts";

describe("the text of a page", () => {
  test.each([
    ["<h1>Bees</h1><p>They  dance.</p>", "Bees\nThey dance."],
    ["<a href='x'>one</a> <b>two</b><br/>three", "one two\nthree"],
    ["<SCRIPT>alert('<p>')</Script >after", "after"],
    ["<style>p { }</style><!-- <p>hidden</p> -->shown", "shown"],
    ["3 < 4 &amp; 5 &gt; 4 &#39;x&#39; &nbsp;y", "3 < 4 & 5 > 4 'x' y"],
    ["before<script>never closed", "before"],
    ["before<!-- never closed", "before"],
    ["before<p never closed", "before"],
    ["<!DOCTYPE html><html><body>plain", "plain"],
    ["", ""],
  ])("of %j is %j", (html, text) => expect(htmlToText(html)).toBe(text));

  test.each(["<", "<p", "<script ", "<!--", "</", "<a>", " ", "\u00a0", "&amp", "\n "])(
    "is found at once in a page of nothing but %j",
    (piece) => {
      const page = piece.repeat(Math.ceil(500_000 / piece.length));
      const began = performance.now();
      htmlToText(page);
      expect(performance.now() - began).toBeLessThan(1_000);
    },
  );
});
