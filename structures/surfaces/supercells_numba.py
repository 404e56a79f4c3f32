"""The inner loops of `supercells`, compiled by numba; loaded by `supercells.accelerate`."""
# mypy: disable-error-code="untyped-decorator,misc"

from __future__ import annotations

import math

import numpy as np
from numba import njit

from natriface.structures.base.arrays import FloatArray, IntArray


@njit(cache=True)
def catalogue(
    metric: FloatArray, max_index: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Index, Hermite forms, reduced bases and Gram entries, sorted as in `Catalogue.of`."""
    total = 0
    for n in range(1, max_index + 1):
        for i in range(1, n + 1):
            if n % i == 0:
                total += n // i
    index = np.empty(total, np.int64)
    hermite = np.zeros((total, 2, 2), np.int64)
    matrix = np.empty((total, 2, 2), np.int64)
    gram = np.empty((total, 3))
    m11, m12, m22 = metric[0, 0], metric[0, 1], metric[1, 1]
    k = 0
    for n in range(1, max_index + 1):
        begin = k
        for i in range(1, n + 1):
            if n % i:
                continue
            for j in range(n // i):
                a0, a1, b0, b1 = i, j, 0, n // i
                index[k] = n
                hermite[k, 0, 0], hermite[k, 0, 1], hermite[k, 1, 1] = a0, a1, b1
                while True:
                    aa = a0 * a0 * m11 + 2 * a0 * a1 * m12 + a1 * a1 * m22
                    bb = b0 * b0 * m11 + 2 * b0 * b1 * m12 + b1 * b1 * m22
                    swap = bb < aa * (1 - 1e-10)
                    if swap:
                        a0, a1, b0, b1 = b0, b1, -a0, -a1
                        aa, bb = bb, aa
                    ab = a0 * b0 * m11 + (a0 * b1 + a1 * b0) * m12 + a1 * b1 * m22
                    steps = math.ceil(ab / aa - 0.5 - 1e-10)
                    b0 -= steps * a0
                    b1 -= steps * a1
                    if not swap and steps == 0:
                        break
                matrix[k, 0, 0], matrix[k, 0, 1] = a0, a1
                matrix[k, 1, 0], matrix[k, 1, 1] = b0, b1
                gram[k, 0], gram[k, 1], gram[k, 2] = aa, ab, bb
                k += 1
        order = begin + np.argsort(np.round(gram[begin:k, 0], 6), kind="mergesort")
        hermite[begin:k] = hermite[order]
        matrix[begin:k] = matrix[order]
        gram[begin:k] = gram[order]
    return index, hermite, matrix, gram


@njit(cache=True)
def pairs_within_strain(
    target: FloatArray,
    target_index: IntArray,
    source: FloatArray,
    source_start: IntArray,
    area_ratio: float,
    low: float,
    high: float,
    bases: IntArray,
) -> tuple[IntArray, IntArray, IntArray]:
    """Substrate rows, film rows and bases whose map has stretches within low..high."""
    size = 256
    first = np.empty(size, np.int64)
    second = np.empty(size, np.int64)
    chosen = np.empty((size, 2, 2), np.int64)
    count = 0
    low2, high2 = low * low, high * high
    for i in range(len(target)):
        t11, t12, t22 = target[i, 0], target[i, 1], target[i, 2]
        volume_t = t11 * t22 - t12 * t12
        least = max(1, math.ceil(target_index[i] * area_ratio / high2 - 1e-9))
        most = math.floor(target_index[i] * area_ratio / low2 + 1e-9)
        most = min(most, len(source_start) - 2)
        for n in range(least, most + 1):
            begin, end = source_start[n], source_start[n + 1]
            j = begin + np.searchsorted(source[begin:end, 0], t11 / high2 * (1 - 2e-6))
            while j < end and source[j, 0] * low2 <= t11 * (1 + 2e-6):
                s11, s12, s22 = source[j, 0], source[j, 1], source[j, 2]
                ratio2 = t22 / s22
                if ratio2 <= high2 and ratio2 >= low2:
                    volume = s11 * s22 - s12 * s12
                    product = volume_t / volume
                    for b in range(len(bases)):
                        p, q = bases[b, 0, 0], bases[b, 0, 1]
                        r, s = bases[b, 1, 0], bases[b, 1, 1]
                        aa = p * p * s11 + 2 * p * q * s12 + q * q * s22
                        ab = p * r * s11 + (p * s + q * r) * s12 + q * s * s22
                        bb = r * r * s11 + 2 * r * s * s12 + s * s * s22
                        half = (bb * t11 - 2 * ab * t12 + aa * t22) / (2 * volume)
                        spread = math.sqrt(max(half * half - product, 0.0))
                        if half + spread <= high2 and half - spread >= low2:
                            if count == size:
                                size *= 2
                                first = np.append(first, first)
                                second = np.append(second, second)
                                chosen = np.concatenate((chosen, chosen))
                            first[count], second[count] = i, j
                            chosen[count, 0, 0], chosen[count, 0, 1] = p, q
                            chosen[count, 1, 0], chosen[count, 1, 1] = r, s
                            count += 1
                j += 1
    return first[:count], second[:count], chosen[:count]


@njit(cache=True)
def pairs_within_lengths(
    substrate: FloatArray,
    substrate_start: IntArray,
    film: FloatArray,
    film_start: IntArray,
    substrate_area: float,
    film_area: float,
    length_tolerance: float,
    angle_tolerance: float,
    area_ratio_tolerance: float,
) -> tuple[IntArray, IntArray]:
    """Substrate and film rows whose lengths and acute angles agree."""
    size = 256
    first = np.empty(size, np.int64)
    second = np.empty(size, np.int64)
    count = 0
    ratio = film_area / substrate_area
    for m in range(1, len(substrate_start) - 1):
        for n in range(1, len(film_start) - 1):
            if not (
                abs(ratio - m / n) < area_ratio_tolerance
                or abs(1 / ratio - n / m) < area_ratio_tolerance
            ):
                continue
            begin, end = film_start[n], film_start[n + 1]
            for i in range(substrate_start[m], substrate_start[m + 1]):
                s1, s2 = math.sqrt(substrate[i, 0]), math.sqrt(substrate[i, 2])
                angle_s = math.atan2(m * substrate_area, abs(substrate[i, 1]))
                bottom = (s1 / (1 + length_tolerance)) ** 2 * (1 - 2e-6)
                top = (s1 / (1 - length_tolerance)) ** 2 * (1 + 2e-6)
                j = begin + np.searchsorted(film[begin:end, 0], bottom)
                while j < end and film[j, 0] <= top:
                    near = abs(s2 / math.sqrt(film[j, 2]) - 1) <= length_tolerance
                    if near and abs(s1 / math.sqrt(film[j, 0]) - 1) <= length_tolerance:
                        angle_f = math.atan2(n * film_area, abs(film[j, 1]))
                        if abs(angle_s / angle_f - 1) <= angle_tolerance:
                            if count == size:
                                size *= 2
                                first = np.append(first, first)
                                second = np.append(second, second)
                            first[count], second[count] = i, j
                            count += 1
                    j += 1
    return first[:count], second[:count]
