# The same image, of the binary that goreleaser has built.
FROM gcr.io/distroless/static-debian12:nonroot
COPY harness /harness
USER nonroot:nonroot
# A container has a network of its own: what is published decides who reaches the daemon.
ENV HARNESS_INSECURE=1
EXPOSE 8474
ENTRYPOINT ["/harness"]
CMD ["-host=0.0.0.0"]
