"""Result in, number or figure out."""

from typing import TYPE_CHECKING

from natriface.structures.exports import export

if TYPE_CHECKING:
    from natriface.analysis.adsorption_energy import AdsorptionEnergy as AdsorptionEnergy
    from natriface.analysis.adsorption_energy import (
        adsorption_energy_against_bulk as adsorption_energy_against_bulk,
    )
    from natriface.analysis.adsorption_energy import (
        adsorption_energy_against_isolated_atom as adsorption_energy_against_isolated_atom,
    )
    from natriface.analysis.band import Band as Band
    from natriface.analysis.band_centers import OCCUPIED as OCCUPIED
    from natriface.analysis.band_centers import BandCenter as BandCenter
    from natriface.analysis.band_centers import CenterShift as CenterShift
    from natriface.analysis.band_centers import band_center as band_center
    from natriface.analysis.band_centers import gap_between as gap_between
    from natriface.analysis.band_centers import orbital_centers as orbital_centers
    from natriface.analysis.band_centers import semicore_zero as semicore_zero
    from natriface.analysis.band_centers import shift_between as shift_between
    from natriface.analysis.barrier_figures import energy_profile as energy_profile
    from natriface.analysis.barriers import BandSummary as BandSummary
    from natriface.analysis.barriers import BarrierValues as BarrierValues
    from natriface.analysis.barriers import rank_barriers as rank_barriers
    from natriface.analysis.barriers import summarise as summarise
    from natriface.analysis.bond_pairs import bond_pairs as bond_pairs
    from natriface.analysis.bond_populations import Bond as Bond
    from natriface.analysis.bond_populations import BondPopulations as BondPopulations
    from natriface.analysis.bonding import BondGroup as BondGroup
    from natriface.analysis.bonding import Tetrahedron as Tetrahedron
    from natriface.analysis.bonding import bond_groups as bond_groups
    from natriface.analysis.bonding import compare_groups as compare_groups
    from natriface.analysis.bonding import find_group as find_group
    from natriface.analysis.bonding import slope_of as slope_of
    from natriface.analysis.bonding import tetrahedra as tetrahedra
    from natriface.analysis.cohp_figures import CohpPanel as CohpPanel
    from natriface.analysis.cohp_figures import cohp_panels as cohp_panels
    from natriface.analysis.cohp_figures import mean_curve as mean_curve
    from natriface.analysis.electronic_figures import CenterColumn as CenterColumn
    from natriface.analysis.electronic_figures import DosPanel as DosPanel
    from natriface.analysis.electronic_figures import band_center_diagram as band_center_diagram
    from natriface.analysis.electronic_figures import pdos_stack as pdos_stack
    from natriface.analysis.elf_figures import bond_profiles as bond_profiles
    from natriface.analysis.elf_figures import elf_maps as elf_maps
    from natriface.analysis.energy_map import EnergyMap as EnergyMap
    from natriface.analysis.energy_map_figure import map_figure as map_figure
    from natriface.analysis.figures import Bar as Bar
    from natriface.analysis.figures import energy_bars as energy_bars
    from natriface.analysis.figures import interface_energy_bars as interface_energy_bars
    from natriface.analysis.figures import relaxation_courses as relaxation_courses
    from natriface.analysis.integrity import Integrity as Integrity
    from natriface.analysis.integrity import compare_units as compare_units
    from natriface.analysis.interface_energy import InterfaceEnergy as InterfaceEnergy
    from natriface.analysis.interface_energy import (
        interfacial_formation_energy as interfacial_formation_energy,
    )
    from natriface.analysis.interface_energy import work_of_adhesion as work_of_adhesion
    from natriface.analysis.lobster_files import write_lobster_files as write_lobster_files
    from natriface.analysis.path_pictures import path_picture as path_picture
    from natriface.analysis.pdos import ProjectedDOS as ProjectedDOS
    from natriface.analysis.pdos_sources import read_pdos as read_pdos
    from natriface.analysis.pdos_sources import result_pdos as result_pdos
    from natriface.analysis.pictures import before_after_figure as before_after_figure
    from natriface.analysis.pictures import save_figure as save_figure
    from natriface.analysis.pictures import structure_figure as structure_figure
    from natriface.analysis.projected_cohp import Projection as Projection
    from natriface.analysis.published import Published as Published
    from natriface.analysis.published import load_published as load_published
    from natriface.analysis.published import published_names as published_names
    from natriface.analysis.rates import Diffusivity as Diffusivity
    from natriface.analysis.rates import HopRate as HopRate
    from natriface.analysis.rates import diffusivity as diffusivity
    from natriface.analysis.rates import hop_rate as hop_rate
    from natriface.analysis.readers.grid import Grid as Grid
    from natriface.analysis.readers.grid import read_grid as read_grid
    from natriface.analysis.readers.lobster import read_lobster_folder as read_lobster_folder
    from natriface.analysis.readers.neb import read_band as read_band
    from natriface.analysis.readers.vasp import read_neb_folder as read_neb_folder
    from natriface.analysis.readers.vasp import read_vasp_folder as read_vasp_folder
    from natriface.analysis.readers.vasprun import Vasprun as Vasprun
    from natriface.analysis.results import Result as Result
    from natriface.analysis.value_bars import ValueBar as ValueBar
    from natriface.analysis.value_bars import value_bars as value_bars
else:
    __all__, __getattr__, __dir__ = export(
        __name__,
        {
            "adsorption_energy": "AdsorptionEnergy "
            "adsorption_energy_against_bulk adsorption_energy_against_isolated_atom",
            "band": "Band",
            "band_centers": "OCCUPIED BandCenter CenterShift band_center "
            "gap_between orbital_centers semicore_zero shift_between",
            "barrier_figures": "energy_profile",
            "barriers": "BandSummary BarrierValues rank_barriers summarise",
            "bond_pairs": "bond_pairs",
            "bond_populations": "Bond BondPopulations",
            "bonding": "BondGroup Tetrahedron bond_groups "
            "compare_groups find_group slope_of tetrahedra",
            "cohp_figures": "CohpPanel cohp_panels mean_curve",
            "electronic_figures": "CenterColumn DosPanel band_center_diagram pdos_stack",
            "elf_figures": "bond_profiles elf_maps",
            "energy_map": "EnergyMap",
            "energy_map_figure": "map_figure",
            "figures": "Bar energy_bars interface_energy_bars relaxation_courses",
            "integrity": "Integrity compare_units",
            "interface_energy": "InterfaceEnergy interfacial_formation_energy work_of_adhesion",
            "lobster_files": "write_lobster_files",
            "path_pictures": "path_picture",
            "pdos": "ProjectedDOS",
            "pdos_sources": "read_pdos result_pdos",
            "pictures": "before_after_figure save_figure structure_figure",
            "projected_cohp": "Projection",
            "published": "Published load_published published_names",
            "rates": "Diffusivity HopRate diffusivity hop_rate",
            "readers.grid": "Grid read_grid",
            "readers.lobster": "read_lobster_folder",
            "readers.neb": "read_band",
            "readers.vasp": "read_neb_folder read_vasp_folder",
            "readers.vasprun": "Vasprun",
            "results": "Result",
            "value_bars": "ValueBar value_bars",
        },
    )
