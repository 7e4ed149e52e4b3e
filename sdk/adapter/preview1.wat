;; WASI preview 1 without a world around it. Compilers such as Go's and C libraries insist on these functions; a module that is linked with
;; this adapter has them and imports nothing for them (but `log`). Everything is a function of the calls made before:
;;
;; - clocks are logical: each look is a microsecond later than the one before, sleeping takes no time and moves the clock;
;; - random numbers come from a fixed seed (SplitMix64; Steele, Lea and Flood, 2014);
;; - there are no files, arguments, variables or sockets; standard input is at its end;
;; - lines written to standard output and standard error are lines of the job's log (`info` and `error`).
;;
;; Signatures and layouts: WebAssembly/WASI, legacy/preview1/docs.md. The module has no data and no memory of its own (wit-component
;; allows an adapter neither); the two lines being written are kept in one page that it adds to the memory of the module.
(module
  (import "sluicebox:udf/log@0.1.0" "log" (func $log (param $level i32) (param $text i32) (param $length i32)))
  (import "env" "memory" (memory 0))

  ;; Nanoseconds of the monotonic clock, and of 2000-01-01T00:00Z, where the other one begins. Go takes 0 for a broken clock.
  (global $now (mut i64) (i64.const 1000000))
  (global $random (mut i64) (i64.const 0))
  ;; Two lines of 1 KiB: standard output, then standard error; 0 before the first byte.
  (global $lines (mut i32) (i32.const 0))
  (global $out_length (mut i32) (i32.const 0))
  (global $err_length (mut i32) (i32.const 0))

  ;; Error numbers: success 0, badf 8, inval 28, noent 44, nosys 52, spipe 70, notcapable 76.

  ;; ---- standard streams ----

  (func $is_standard (param $fd i32) (result i32)
    (i32.lt_u (local.get $fd) (i32.const 3)))

  ;; 0 for a standard stream, else badf.
  (func $standard_or_badf (param $fd i32) (result i32)
    (select (i32.const 0) (i32.const 8) (call $is_standard (local.get $fd))))

  (func $flush_out
    (if (global.get $out_length)
      (then
        (call $log (i32.const 1) (global.get $lines) (global.get $out_length))
        (global.set $out_length (i32.const 0)))))

  (func $flush_err
    (if (global.get $err_length)
      (then
        (call $log (i32.const 3) (i32.add (global.get $lines) (i32.const 1024)) (global.get $err_length))
        (global.set $err_length (i32.const 0)))))

  ;; One byte of a line; a full or ended line goes to the log.
  (func $put (param $fd i32) (param $byte i32)
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then
        (if (i32.eq (local.get $byte) (i32.const 10)) (then (call $flush_out) (return)))
        (i32.store8 (i32.add (global.get $lines) (global.get $out_length)) (local.get $byte))
        (global.set $out_length (i32.add (global.get $out_length) (i32.const 1)))
        (if (i32.eq (global.get $out_length) (i32.const 1024)) (then (call $flush_out))))
      (else
        (if (i32.eq (local.get $byte) (i32.const 10)) (then (call $flush_err) (return)))
        (i32.store8 offset=1024 (i32.add (global.get $lines) (global.get $err_length)) (local.get $byte))
        (global.set $err_length (i32.add (global.get $err_length) (i32.const 1)))
        (if (i32.eq (global.get $err_length) (i32.const 1024)) (then (call $flush_err))))))

  (func (export "fd_write") (param $fd i32) (param $iovs i32) (param $count i32) (param $written i32) (result i32)
    (local $from i32) (local $left i32) (local $sum i32) (local $page i32)
    (if (i32.and (i32.ne (local.get $fd) (i32.const 1)) (i32.ne (local.get $fd) (i32.const 2)))
      (then (return (i32.const 8))))
    ;; Without memory for the lines they are lost, and the module goes on.
    (if (i32.eqz (global.get $lines))
      (then
        (local.set $page (memory.grow (i32.const 1)))
        (if (i32.ne (local.get $page) (i32.const -1))
          (then (global.set $lines (i32.shl (local.get $page) (i32.const 16)))))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $from (i32.load (local.get $iovs)))
        (local.set $left (i32.load offset=4 (local.get $iovs)))
        (local.set $sum (i32.add (local.get $sum) (local.get $left)))
        (block $end
          (loop $byte
            (br_if $end (i32.eqz (local.get $left)))
            (br_if $end (i32.eqz (global.get $lines)))
            (call $put (local.get $fd) (i32.load8_u (local.get $from)))
            (local.set $from (i32.add (local.get $from) (i32.const 1)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $byte)))
        (local.set $iovs (i32.add (local.get $iovs) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  (func (export "fd_read") (param $fd i32) (param $iovs i32) (param $count i32) (param $read i32) (result i32)
    (if (local.get $fd) (then (return (i32.const 8))))
    (i32.store (local.get $read) (i32.const 0))
    (i32.const 0))

  (func (export "fd_close") (param $fd i32) (result i32) (call $standard_or_badf (local.get $fd)))
  (func (export "fd_datasync") (param $fd i32) (result i32) (call $standard_or_badf (local.get $fd)))
  (func (export "fd_sync") (param $fd i32) (result i32) (call $standard_or_badf (local.get $fd)))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
    (call $standard_or_badf (local.get $fd)))

  ;; A character device that can be read (standard input) or written, and not sought in: a terminal to a C library.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.eqz (call $is_standard (local.get $fd))) (then (return (i32.const 8))))
    (i64.store (local.get $stat) (i64.const 2))
    (i64.store offset=8 (local.get $stat)
      (select (i64.const 64) (i64.const 2) (local.get $fd)))
    (i64.store offset=16 (local.get $stat) (i64.const 0))
    (i32.const 0))

  (func (export "fd_filestat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.eqz (call $is_standard (local.get $fd))) (then (return (i32.const 8))))
    (memory.fill (local.get $stat) (i32.const 0) (i32.const 64))
    (i32.store8 offset=16 (local.get $stat) (i32.const 2))
    (i32.const 0))

  ;; Not sought in: spipe.
  (func $no_seek (param $fd i32) (result i32)
    (select (i32.const 70) (i32.const 8) (call $is_standard (local.get $fd))))
  (func (export "fd_seek") (param $fd i32) (param i64 i32 i32) (result i32) (call $no_seek (local.get $fd)))
  (func (export "fd_tell") (param $fd i32) (param i32) (result i32) (call $no_seek (local.get $fd)))
  (func (export "fd_pread") (param $fd i32) (param i32 i32 i64 i32) (result i32) (call $no_seek (local.get $fd)))
  (func (export "fd_pwrite") (param $fd i32) (param i32 i32 i64 i32) (result i32) (call $no_seek (local.get $fd)))

  ;; ---- no files: nothing is open but the standard streams, and no folder to open anything in ----

  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 76))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 76))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 76))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 76))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))

  ;; ---- no arguments, no variables ----

  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; ---- time ----

  ;; Clock 0 is the time of day; 1 to 3 count from the instance's start.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 3)) (then (return (i32.const 28))))
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $time)
      (i64.add (global.get $now)
        (select (i64.const 0) (i64.const 946684800000000000) (local.get $clock))))
    (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 3)) (then (return (i32.const 28))))
    (i64.store (local.get $resolution) (i64.const 1000))
    (i32.const 0))

  ;; The clock comes to this time of clock `clock`, or goes on by it.
  (func $sleep (param $clock i32) (param $time i64) (param $is_absolute i32)
    (if (local.get $is_absolute)
      (then
        (if (i32.eqz (local.get $clock))
          (then (local.set $time (i64.sub (local.get $time) (i64.const 946684800000000000)))))
        (if (i64.gt_s (local.get $time) (global.get $now))
          (then (global.set $now (local.get $time)))))
      (else
        (global.set $now (i64.add (global.get $now) (local.get $time))))))

  ;; All that is waited for has come. Subscriptions take 48 bytes, events 32.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $left i32) (local $kind i32) (local $fd i32)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (local.set $left (local.get $count))
    (loop $next
      (local.set $kind (i32.load8_u offset=8 (local.get $in)))
      (memory.fill (local.get $out) (i32.const 0) (i32.const 32))
      (i64.store (local.get $out) (i64.load (local.get $in)))
      (i32.store8 offset=10 (local.get $out) (local.get $kind))
      (if (i32.eqz (local.get $kind))
        (then
          (call $sleep
            (i32.load offset=16 (local.get $in))
            (i64.load offset=24 (local.get $in))
            (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))))
        (else
          (local.set $fd (i32.load offset=16 (local.get $in)))
          (i32.store16 offset=8 (local.get $out) (call $standard_or_badf (local.get $fd)))))
      (local.set $in (i32.add (local.get $in) (i32.const 48)))
      (local.set $out (i32.add (local.get $out) (i32.const 32)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (i32.store (local.get $events) (local.get $count))
    (i32.const 0))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; ---- the rest ----

  (func (export "random_get") (param $to i32) (param $left i32) (result i32)
    (local $bits i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (global.set $random (i64.add (global.get $random) (i64.const 0x9e3779b97f4a7c15)))
        (local.set $bits (global.get $random))
        (local.set $bits
          (i64.mul (i64.xor (local.get $bits) (i64.shr_u (local.get $bits) (i64.const 30))) (i64.const 0xbf58476d1ce4e5b9)))
        (local.set $bits
          (i64.mul (i64.xor (local.get $bits) (i64.shr_u (local.get $bits) (i64.const 27))) (i64.const 0x94d049bb133111eb)))
        (local.set $bits (i64.xor (local.get $bits) (i64.shr_u (local.get $bits) (i64.const 31))))
        ;; A number for each byte: what comes does not depend on how much is asked for at once.
        (i32.store8 (local.get $to) (i32.wrap_i64 (local.get $bits)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; An instance that ends itself is one that can't go on.
  (func (export "proc_exit") (param $code i32)
    (call $flush_out)
    (call $flush_err)
    (unreachable))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 52)))
