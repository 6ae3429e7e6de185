/** Have the browser save a file. A path before its name is left out. */
export function save(data: Blob, file: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = nameOf(file);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function nameOf(file: string): string {
  return file.split("/").pop() ?? file;
}
