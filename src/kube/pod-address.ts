import { BlockList, isIP } from 'node:net';

/** No pod has such an address; one that says so would have us ask ourselves, our node, or nobody in particular. */
const NO_POD = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  NO_POD.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NO_POD.addSubnet(network, prefix, 'ipv6');

/** An address in digits that is not of the machine itself, of its link, of a group, or of nobody. */
export const isPodAddress = (address: string): boolean => {
  const version = isIP(address);
  // A zone names an interface of ours.
  if (version === 0 || address.includes('%')) return false;
  return !NO_POD.check(address, version === 4 ? 'ipv4' : 'ipv6');
};
