import { Document } from "yaml";

/**
 * A YAML document with every text in double quotes: what compose and Kubernetes read by the rules of YAML 1.1, where
 * `on` and `12:30` are no texts. A comment is ours alone; nothing that a user wrote goes into one.
 */
export function yamlText(value: object, comment: string): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  document.commentBefore = comment.replace(/^/gm, " ");
  return document.toString({ defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN", lineWidth: 0 });
}
