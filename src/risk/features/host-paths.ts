/** What a path of the node gives to who mounts it, and how dangerous that is (0 to 5). */
export interface HostPathClass {
  readonly name: 'root' | 'socket' | 'credentials' | 'kernel' | 'system' | 'other'
  readonly grade: number
}

/** The first that fits; each names a directory and what is below it, or the directory alone. */
const CLASSES: readonly (readonly [pattern: RegExp, HostPathClass])[] = [
  [/^\/$/, { name: 'root', grade: 5 }],
  [
    /(?:docker|containerd|crio|cri-dockerd|podman|dockershim|buildkitd|frakti)[^/]*\.sock$/,
    { name: 'socket', grade: 5 },
  ],
  [/^\/(?:var\/)?run(?:\/(?:containerd|crio|docker|podman|k3s(?:\/containerd)?))?$/, { name: 'socket', grade: 4 }],
  [
    /^\/(?:etc\/kubernetes|var\/lib\/etcd|var\/lib\/rancher|etc\/rancher|root|home|etc\/(?:shadow|passwd|sudoers|ssh|pam|cron|systemd|profile|ld\.so|init)|var\/spool\/cron|usr\/lib\/systemd|lib\/systemd)[^/]*(?:\/.*)?$/,
    { name: 'credentials', grade: 4 },
  ],
  [/^\/var\/lib\/kubelet(?:\/(?:pki|config|kubeconfig|pods)(?:\/.*)?)?$/, { name: 'credentials', grade: 3 }],
  [/^\/(?:etc|var|usr|boot|opt|mnt|var\/lib)$/, { name: 'credentials', grade: 4 }],
  [/^\/var\/lib\/(?:docker|containerd|containers|crio)(?:\/.*)?$/, { name: 'system', grade: 3 }],
  [/^\/(?:proc|sys|dev)$/, { name: 'kernel', grade: 3 }],
  [/^\/(?:proc|sys|dev)\/.*$/, { name: 'kernel', grade: 2 }],
  [/^\/(?:var\/log|tmp|var\/tmp)(?:\/(?:pods|containers)(?:\/.*)?)?$/, { name: 'system', grade: 2 }],
  [/^\/(?:etc|usr|bin|sbin|lib|lib64|boot)\/.*$/, { name: 'system', grade: 2 }],
  [/^\/(?:bin|sbin|lib|lib64|srv|run|var\/lib\/.*|var\/.*|run\/.*|opt\/.*|srv\/.*)$/, { name: 'other', grade: 1 }],
]
const OTHER: HostPathClass = { name: 'other', grade: 1 }

/** The class of a hostPath; `..` and double slashes are followed first. */
export function hostPathClass(path: string): HostPathClass {
  const whole = resolved(path)
  return CLASSES.find(([pattern]) => pattern.test(whole))?.[1] ?? OTHER
}

function resolved(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
