# For Hugging Face Spaces (Docker SDK) and any container host: user 1000, port 7860.
FROM python:3.12-slim

RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl libgomp1 \
      tesseract-ocr tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-spa \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 user

WORKDIR /home/user/attune
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# The CPU build of torch, first and alone: an open range together with the rest takes CUDA.
RUN pip install --extra-index-url https://download.pytorch.org/whl/cpu 'torch>=2.10,<2.14'
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app app
COPY pipelines pipelines
COPY training training
COPY docs/handbook docs/handbook
RUN pip install --constraint constraints.txt --editable . \
 && mkdir -p /data && chown user /data

USER user
# Mount a volume at /data to keep documents, or set DATABASE_URL: a Space's disk is lost at restart.
ENV ATTUNE_HOME=/data ATTUNE_HOST=0.0.0.0 ATTUNE_PORT=7860 \
    HAYSTACK_TELEMETRY_ENABLED=False GRADIO_ANALYTICS_ENABLED=False HF_HUB_DISABLE_TELEMETRY=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
  CMD curl --fail --silent http://127.0.0.1:7860/healthz || exit 1
CMD ["attune", "serve", "--no-open"]
