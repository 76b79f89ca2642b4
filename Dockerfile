# EdgeKit on one port: docker build -t edgekit . && docker run -p 8501:8501 -v edgekit:/data edgekit
# With workers, PostgreSQL and S3-compatible storage beside it: docker compose -f .docker/compose.yaml up --build
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 edgekit && mkdir /data && chown edgekit /data
WORKDIR /app

# The CPU build of torch first, so that the next line does not fetch the much larger CUDA build.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
COPY requirements.txt .
COPY .docker/requirements.txt .docker/
RUN pip install --no-cache-dir -r requirements.txt -r .docker/requirements.txt
COPY . .

USER edgekit
ENV EDGEKIT_HOME=/data/home EDGEKIT_CACHE=/data/cache PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
