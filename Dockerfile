# One image for every process of the service; compose.yaml shows which command each one runs.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEDIALIB_DATA_DIR=/data
RUN useradd --create-home --uid 10001 library && install -d -o library -g library /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -r requirements.txt
COPY . .
USER library
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
  "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz', headers={'Host': 'localhost'}); raise SystemExit(c.getresponse().status != 200)"]

# Alone, the image is the embedded service: everything in one container, its state under /data.
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
