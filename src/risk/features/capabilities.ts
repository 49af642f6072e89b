/** What a capability is good for, and how dangerous that is (0 to 5). */
export interface CapabilityClass {
  readonly kind: 'all' | 'kernel' | 'network' | 'files' | 'other'
  readonly grade: number
}

const KERNEL_CAPABILITIES: ReadonlySet<string> = new Set([
  'SYS_ADMIN',
  'SYS_MODULE',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'SYS_BOOT',
  'SYS_TIME',
  'BPF',
  'PERFMON',
  'DAC_READ_SEARCH',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'SYSLOG',
  'MKNOD',
  'AUDIT_CONTROL',
  'CHECKPOINT_RESTORE',
])
const NETWORK_CAPABILITIES: ReadonlySet<string> = new Set(['NET_ADMIN', 'NET_RAW', 'NET_BROADCAST'])
const FILE_CAPABILITIES: ReadonlySet<string> = new Set([
  'DAC_OVERRIDE',
  'FOWNER',
  'SETUID',
  'SETGID',
  'SETFCAP',
  'SETPCAP',
  'CHOWN',
  'SYS_CHROOT',
  'LINUX_IMMUTABLE',
  'KILL',
])

/** The class of a capability, with or without `CAP_` before its name. */
export function capabilityClass(capability: string): CapabilityClass {
  const name = capability.toUpperCase().replace(/^CAP_/, '')
  if (name === 'ALL') return { kind: 'all', grade: 5 }
  if (KERNEL_CAPABILITIES.has(name)) return { kind: 'kernel', grade: name === 'SYSLOG' || name === 'MKNOD' ? 3 : 4 }
  if (NETWORK_CAPABILITIES.has(name)) return { kind: 'network', grade: name === 'NET_ADMIN' ? 3 : 2 }
  if (FILE_CAPABILITIES.has(name)) return { kind: 'files', grade: 2 }
  return { kind: 'other', grade: name === 'NET_BIND_SERVICE' ? 0 : 1 }
}
