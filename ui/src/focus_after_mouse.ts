/**
 * Keeps the keys with the image: a button that was pressed by the mouse would answer to Space and
 * Enter afterwards, although nothing but its outline shows that it has the focus.
 *
 * A button that is pressed by the mouse never has the focus, and a box gives it back. Fields and
 * lists keep it, because the reader goes on in them. Who comes by Tab or an arrow key, or with a
 * screen reader, keeps the focus everywhere, and presses by Space or Enter as usual.
 */
export function focusAfterMouse(root: HTMLElement, focus: () => void): void {
  let byMouse = false
  root.addEventListener('mousedown', (event) => {
    byMouse = true
    if ((event.target as Element).closest('button') === null) return
    event.preventDefault() // else the button gets the focus now
    focus()
  })
  root.addEventListener('keydown', () => (byMouse = false), { capture: true })
  root.addEventListener('click', ({ target }) => {
    if (byMouse && (target as Element).matches('[type=checkbox]')) focus()
  })
}
