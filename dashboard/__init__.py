"""EdgeGuard in the browser: ``streamlit run dashboard/app.py``."""
