"""Result in, number or figure out."""

from typing import TYPE_CHECKING

from natriface.structures.base.exports import export

if TYPE_CHECKING:
    from natriface.analysis.barriers.rates import Diffusivity as Diffusivity
    from natriface.analysis.barriers.rates import HopRate as HopRate
    from natriface.analysis.barriers.rates import diffusivity as diffusivity
    from natriface.analysis.barriers.rates import hop_rate as hop_rate
    from natriface.analysis.barriers.rates import vineyard_prefactor_hz as vineyard_prefactor_hz
    from natriface.analysis.barriers.summary import BandSummary as BandSummary
    from natriface.analysis.barriers.summary import BarrierValues as BarrierValues
    from natriface.analysis.barriers.summary import rank_barriers as rank_barriers
    from natriface.analysis.barriers.summary import summarise as summarise
    from natriface.analysis.bonding.bond_pairs import bond_pairs as bond_pairs
    from natriface.analysis.bonding.broadening import Broadening as Broadening
    from natriface.analysis.bonding.integrity import Integrity as Integrity
    from natriface.analysis.bonding.integrity import compare_units as compare_units
    from natriface.analysis.bonding.lobster_output import write_lobster_files as write_lobster_files
    from natriface.analysis.bonding.projected_cohp import AtomicOrbital as AtomicOrbital
    from natriface.analysis.bonding.projected_cohp import Projection as Projection
    from natriface.analysis.bonding.projected_cohp import bond_populations as bond_populations
    from natriface.analysis.bonding.tetrahedra import BondGroup as BondGroup
    from natriface.analysis.bonding.tetrahedra import Tetrahedron as Tetrahedron
    from natriface.analysis.bonding.tetrahedra import bond_groups as bond_groups
    from natriface.analysis.bonding.tetrahedra import compare_groups as compare_groups
    from natriface.analysis.bonding.tetrahedra import find_group as find_group
    from natriface.analysis.bonding.tetrahedra import slope_of as slope_of
    from natriface.analysis.bonding.tetrahedra import tetrahedra as tetrahedra
    from natriface.analysis.electrons.band_alignment import BandOffset as BandOffset
    from natriface.analysis.electrons.band_alignment import BulkLevels as BulkLevels
    from natriface.analysis.electrons.band_alignment import ElectronBarrier as ElectronBarrier
    from natriface.analysis.electrons.band_alignment import affinity_offset as affinity_offset
    from natriface.analysis.electrons.band_alignment import bulk_levels as bulk_levels
    from natriface.analysis.electrons.band_alignment import electron_barrier as electron_barrier
    from natriface.analysis.electrons.band_alignment import interface_offset as interface_offset
    from natriface.analysis.electrons.band_alignment import potential_step as potential_step
    from natriface.analysis.electrons.band_centers import OCCUPIED as OCCUPIED
    from natriface.analysis.electrons.band_centers import BandCenter as BandCenter
    from natriface.analysis.electrons.band_centers import CenterShift as CenterShift
    from natriface.analysis.electrons.band_centers import band_center as band_center
    from natriface.analysis.electrons.band_centers import gap_between as gap_between
    from natriface.analysis.electrons.band_centers import orbital_centers as orbital_centers
    from natriface.analysis.electrons.band_centers import semicore_zero as semicore_zero
    from natriface.analysis.electrons.band_centers import shift_between as shift_between
    from natriface.analysis.electrons.electrostatic import (
        ElectrostaticProfile as ElectrostaticProfile,
    )
    from natriface.analysis.electrons.electrostatic import (
        macroscopic_average as macroscopic_average,
    )
    from natriface.analysis.electrons.electrostatic import planar_average as planar_average
    from natriface.analysis.electrons.level_sources import PotentialRun as PotentialRun
    from natriface.analysis.electrons.level_sources import read_potential_run as read_potential_run
    from natriface.analysis.electrons.pdos_sources import read_pdos as read_pdos
    from natriface.analysis.electrons.pdos_sources import result_pdos as result_pdos
    from natriface.analysis.electrons.vacuum_levels import SlabLevels as SlabLevels
    from natriface.analysis.electrons.vacuum_levels import SurfaceLevels as SurfaceLevels
    from natriface.analysis.electrons.vacuum_levels import VacuumLevels as VacuumLevels
    from natriface.analysis.electrons.vacuum_levels import slab_levels as slab_levels
    from natriface.analysis.electrons.vacuum_levels import vacuum_levels as vacuum_levels
    from natriface.analysis.energies.adsorption_energy import AdsorptionEnergy as AdsorptionEnergy
    from natriface.analysis.energies.adsorption_energy import (
        adsorption_energy_against_bulk as adsorption_energy_against_bulk,
    )
    from natriface.analysis.energies.adsorption_energy import (
        adsorption_energy_against_isolated_atom as adsorption_energy_against_isolated_atom,
    )
    from natriface.analysis.energies.chemical_potentials import PotentialBounds as PotentialBounds
    from natriface.analysis.energies.chemical_potentials import potential_bounds as potential_bounds
    from natriface.analysis.energies.energy_map import EnergyMap as EnergyMap
    from natriface.analysis.energies.interface_energy import InterfaceEnergy as InterfaceEnergy
    from natriface.analysis.energies.interface_energy import (
        interfacial_formation_energy as interfacial_formation_energy,
    )
    from natriface.analysis.energies.interface_energy import work_of_adhesion as work_of_adhesion
    from natriface.analysis.energies.reactivity import Hull as Hull
    from natriface.analysis.energies.reactivity import Reaction as Reaction
    from natriface.analysis.energies.surface_energy import SurfaceEnergy as SurfaceEnergy
    from natriface.analysis.energies.surface_energy import surface_energy as surface_energy
    from natriface.analysis.energies.wulff_shape import WulffShape as WulffShape
    from natriface.analysis.energies.wulff_shape import wulff_shape as wulff_shape
    from natriface.analysis.figures.adatom_maps import map_figure as map_figure
    from natriface.analysis.figures.bars import Bar as Bar
    from natriface.analysis.figures.bars import ValueBar as ValueBar
    from natriface.analysis.figures.bars import energy_bars as energy_bars
    from natriface.analysis.figures.bars import (
        interface_energy_bars as interface_energy_bars,
    )
    from natriface.analysis.figures.bars import value_bars as value_bars
    from natriface.analysis.figures.cohp_curves import CohpPanel as CohpPanel
    from natriface.analysis.figures.cohp_curves import cohp_panels as cohp_panels
    from natriface.analysis.figures.cohp_curves import like_curves as like_curves
    from natriface.analysis.figures.cohp_curves import mean_curve as mean_curve
    from natriface.analysis.figures.convergence_lines import (
        relaxation_courses as relaxation_courses,
    )
    from natriface.analysis.figures.dos_curves import CenterColumn as CenterColumn
    from natriface.analysis.figures.dos_curves import DosPanel as DosPanel
    from natriface.analysis.figures.dos_curves import band_center_diagram as band_center_diagram
    from natriface.analysis.figures.dos_curves import pdos_stack as pdos_stack
    from natriface.analysis.figures.dos_curves import potential_profile as potential_profile
    from natriface.analysis.figures.elf_maps import bond_profiles as bond_profiles
    from natriface.analysis.figures.elf_maps import elf_maps as elf_maps
    from natriface.analysis.figures.energy_profiles import energy_profile as energy_profile
    from natriface.analysis.figures.pictures.path_pictures import path_picture as path_picture
    from natriface.analysis.figures.pictures.structure_pictures import (
        before_after_figure as before_after_figure,
    )
    from natriface.analysis.figures.pictures.structure_pictures import (
        structure_figure as structure_figure,
    )
    from natriface.analysis.figures.pictures.structure_view import StructureView as StructureView
    from natriface.analysis.figures.pictures.structure_view import (
        view_structures as view_structures,
    )
    from natriface.analysis.figures.pictures.surface_pictures import (
        PotentialPanel as PotentialPanel,
    )
    from natriface.analysis.figures.pictures.surface_pictures import (
        potential_lines as potential_lines,
    )
    from natriface.analysis.figures.pictures.surface_pictures import wulff_figure as wulff_figure
    from natriface.analysis.figures.style import save_figure as save_figure
    from natriface.analysis.readers.lobster.folder import read_lobster_folder as read_lobster_folder
    from natriface.analysis.readers.neb import read_band as read_band
    from natriface.analysis.readers.vasp.folder import read_neb_folder as read_neb_folder
    from natriface.analysis.readers.vasp.folder import read_vasp_folder as read_vasp_folder
    from natriface.analysis.readers.vasp.grid import Grid as Grid
    from natriface.analysis.readers.vasp.grid import read_grid as read_grid
    from natriface.analysis.readers.vasprun.document import Vasprun as Vasprun
    from natriface.analysis.results.band import Band as Band
    from natriface.analysis.results.bond_populations import Bond as Bond
    from natriface.analysis.results.bond_populations import BondPopulations as BondPopulations
    from natriface.analysis.results.claim import Claim as Claim
    from natriface.analysis.results.claim import Measurement as Measurement
    from natriface.analysis.results.pdos import ProjectedDOS as ProjectedDOS
    from natriface.analysis.results.published import Published as Published
    from natriface.analysis.results.published import load_published as load_published
    from natriface.analysis.results.published import published_names as published_names
    from natriface.analysis.results.result import Result as Result
    from natriface.analysis.scoring.candidate_values import candidate_values as candidate_values
    from natriface.analysis.scoring.criteria import Criterion as Criterion
    from natriface.analysis.scoring.criteria import Scorecard as Scorecard
    from natriface.analysis.scoring.ranking import Ranking as Ranking
    from natriface.analysis.transport.arrhenius import ArrheniusFit as ArrheniusFit
    from natriface.analysis.transport.arrhenius import arrhenius as arrhenius
    from natriface.analysis.transport.conductivity import conductivity as conductivity
    from natriface.analysis.transport.conductivity import contact_resistance as contact_resistance
    from natriface.analysis.transport.conductivity import current_at_rate as current_at_rate
    from natriface.analysis.transport.conductivity import layer_resistance as layer_resistance
    from natriface.analysis.transport.conductivity import nernst_einstein as nernst_einstein
    from natriface.analysis.transport.depletion import limiting_current as limiting_current
    from natriface.analysis.transport.depletion import sand_time as sand_time
    from natriface.analysis.transport.interphase import creep_rate as creep_rate
    from natriface.analysis.transport.interphase import flux_through_layer as flux_through_layer
    from natriface.analysis.transport.interphase import mass_growth as mass_growth
    from natriface.analysis.transport.interphase import ohmic_drop as ohmic_drop
    from natriface.analysis.transport.interphase import tafel_overpotential as tafel_overpotential
    from natriface.analysis.transport.interphase import void_flux as void_flux
    from natriface.analysis.verdicts.samples import Sample as Sample
    from natriface.analysis.verdicts.verdict import Verdict as Verdict
    from natriface.analysis.verdicts.verdict import judge as judge
    from natriface.analysis.verdicts.verdict import judge_claim as judge_claim
else:
    __all__, __getattr__, __dir__ = export(
        __name__,
        {
            "energies.adsorption_energy": "AdsorptionEnergy "
            "adsorption_energy_against_bulk adsorption_energy_against_isolated_atom",
            "results.band": "Band",
            "electrons.band_alignment": "BandOffset BulkLevels ElectronBarrier affinity_offset "
            "bulk_levels electron_barrier interface_offset potential_step",
            "electrons.electrostatic": "ElectrostaticProfile macroscopic_average planar_average",
            "electrons.level_sources": "PotentialRun read_potential_run",
            "electrons.vacuum_levels": "SlabLevels SurfaceLevels VacuumLevels slab_levels "
            "vacuum_levels",
            "electrons.band_centers": "OCCUPIED BandCenter CenterShift band_center "
            "gap_between orbital_centers semicore_zero shift_between",
            "figures.energy_profiles": "energy_profile",
            "barriers.summary": "BandSummary BarrierValues rank_barriers summarise",
            "bonding.bond_pairs": "bond_pairs",
            "bonding.broadening": "Broadening",
            "results.bond_populations": "Bond BondPopulations",
            "bonding.tetrahedra": "BondGroup Tetrahedron bond_groups "
            "compare_groups find_group slope_of tetrahedra",
            "figures.cohp_curves": "CohpPanel cohp_panels like_curves mean_curve",
            "figures.dos_curves": "CenterColumn DosPanel band_center_diagram pdos_stack "
            "potential_profile",
            "figures.elf_maps": "bond_profiles elf_maps",
            "energies.chemical_potentials": "PotentialBounds potential_bounds",
            "energies.energy_map": "EnergyMap",
            "energies.reactivity": "Hull Reaction",
            "figures.adatom_maps": "map_figure",
            "figures.bars": "Bar ValueBar energy_bars interface_energy_bars value_bars",
            "bonding.integrity": "Integrity compare_units",
            "energies.interface_energy": "InterfaceEnergy "
            "interfacial_formation_energy work_of_adhesion",
            "energies.surface_energy": "SurfaceEnergy surface_energy",
            "energies.wulff_shape": "WulffShape wulff_shape",
            "figures.pictures.surface_pictures": "PotentialPanel potential_lines wulff_figure",
            "bonding.lobster_output": "write_lobster_files",
            "figures.pictures.path_pictures": "path_picture",
            "results.pdos": "ProjectedDOS",
            "electrons.pdos_sources": "read_pdos result_pdos",
            "figures.pictures.structure_pictures": "before_after_figure structure_figure",
            "figures.pictures.structure_view": "StructureView view_structures",
            "figures.convergence_lines": "relaxation_courses",
            "figures.style": "save_figure",
            "transport.arrhenius": "ArrheniusFit arrhenius",
            "transport.conductivity": "conductivity contact_resistance current_at_rate "
            "layer_resistance nernst_einstein",
            "transport.depletion": "limiting_current sand_time",
            "transport.interphase": "creep_rate flux_through_layer mass_growth ohmic_drop "
            "tafel_overpotential void_flux",
            "bonding.projected_cohp": "AtomicOrbital Projection bond_populations",
            "results.claim": "Claim Measurement",
            "scoring.candidate_values": "candidate_values",
            "scoring.criteria": "Criterion Scorecard",
            "scoring.ranking": "Ranking",
            "verdicts.samples": "Sample",
            "verdicts.verdict": "Verdict judge judge_claim",
            "results.published": "Published load_published published_names",
            "barriers.rates": "Diffusivity HopRate diffusivity hop_rate vineyard_prefactor_hz",
            "readers.vasp.grid": "Grid read_grid",
            "readers.lobster.folder": "read_lobster_folder",
            "readers.neb": "read_band",
            "readers.vasp.folder": "read_neb_folder read_vasp_folder",
            "readers.vasprun.document": "Vasprun",
            "results.result": "Result",
        },
        former={
            "barrier_figures": "figures.energy_profiles",
            "cohp_figures": "figures.cohp_curves",
            "electronic_figures": "figures.dos_curves",
            "elf_figures": "figures.elf_maps",
            "energy_map_figure": "figures.adatom_maps",
            "figures.panels": "figures.pictures.panels",
            "figures.path_pictures": "figures.pictures.path_pictures",
            "figures.scene": "figures.pictures.scene",
            "figures.structure_pictures": "figures.pictures.structure_pictures",
            "figures.surface_pictures": "figures.pictures.surface_pictures",
            "pictures": "figures.pictures.structure_pictures",
        },
    )
