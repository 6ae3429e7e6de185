// Why a view has nothing to show, in its middle.

export function Empty({ text }: { text: string }) {
  return <p class="nothing" role="status">{text}</p>;
}
