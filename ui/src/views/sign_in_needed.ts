/** What the page shows instead of its views to somebody whom the service does not know. */

import { element } from '../element'

export function signInNeeded(): HTMLElement {
  return element(
    'main.sign-in',
    { 'aria-live': 'polite', hidden: true },
    element('h1', {}, 'This service needs a sign-in'),
    element(
      'p',
      {},
      'It has user accounts, and this page cannot sign in yet. Ask your administrator for an API key ' +
        'and use it with the command line, the Python client, 3D Slicer or OHIF.',
    ),
    element(
      'p',
      {},
      'A proxy in front of the service that adds the key to each request makes this page work, too.',
    ),
    element('button', { type: 'button', onclick: () => location.reload() }, 'Try again'),
  )
}
