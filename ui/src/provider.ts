/** Sign-in and sign-out with an OpenID provider: addresses that the browser opens. */

import { element } from './element'
import { recall, remember } from './preferences'
import { pageOf } from './project'

const ADDRESS = 'v1/sign-in/oidc'
const VIEW = 'view-before-sign-in'

/** `stays`: this page keeps what is not saved, and the provider's opens in another tab. */
export function providerLink(name: string, stays: boolean): HTMLElement {
  return element(
    'a.button.primary',
    {
      href: ADDRESS,
      target: stays && '_blank',
      onclick: () => remember(VIEW, stays ? '' : location.hash),
    },
    `Sign in with ${name}`,
  )
}

/** After a sign-in, the view that was asked for before it. */
export function returnToView(): void {
  const view = recall(VIEW, '')
  if (view === '') return
  remember(VIEW, '')
  if (location.hash === '') history.replaceState(null, '', view)
}

/** Where somebody goes who has signed out here, and may still be signed in at the provider. */
export const signOutAddress = (): string => `${pageOf('', document.baseURI)}${ADDRESS}/sign-out`
