/**
 * Replaces `xmlbuilder2`, which vtk.js loads to write a file format that Tessera never writes: the
 * real one needs modules of Node.
 */

export function create(): never {
  throw new Error('This page does not write XML.')
}
