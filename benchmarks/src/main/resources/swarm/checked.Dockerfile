FROM rollstep-bench:plain
HEALTHCHECK --interval=1s --timeout=5s --retries=3 \
    CMD ["/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
