from .chain import ChainSettings as ChainSettings, run_chain as run_chain
from .check import check_section as check_section
from .demo import DemoSettings as DemoSettings, run_demo as run_demo
