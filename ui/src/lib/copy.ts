/** Copies text; false where neither way is allowed, so that the caller can say "select it and copy". */
export async function copy(text: string, from: HTMLTextAreaElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Some webviews refuse the clipboard without a permission; selecting works in all of them.
    from?.focus();
    from?.select();
    return false;
  }
}
