/** How `lockkeeper scan` can write its answer; apart from the reports, which only a scan loads. */
export const SCAN_FORMATS = ['text', 'json', 'sarif', 'junit', 'github', 'openreports'] as const
export type ScanFormat = (typeof SCAN_FORMATS)[number]
